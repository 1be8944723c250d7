"""The main job, end to end, with real peers: a PACS routes a study in, and a Structured Report comes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from tests.system.conftest import StudyOnDisk
from tests.system.orthanc import Orthanc
from tests.system.service import Installation, Process, storescu, wait_until
from tests.web.exposition import fetch, value

pytestmark = pytest.mark.system


def test_orthanc_routes_a_study_in_gets_the_results_and_confirms_them(
    tmp_path: Path,
    free_port: Callable[[], int],
    orthanc: Callable[[int], Orthanc],
    installation: Callable[..., Installation],
    require_tool: Callable[[str], str],
    ct_study: StudyOnDisk,
) -> None:
    # Arrange: a PACS with a routing rule, and the service with the PACS as destination
    sender = require_tool("storescu")
    our_port = free_port()
    pacs = orthanc(our_port)
    service = installation(dicom_port=our_port, destinations=f"PACS=ORTHANC@127.0.0.1:{pacs.dicom_port}")
    serve = service.start(tmp_path / "serve.log")
    try:
        serve.wait_for_line("trabecula is ready")

        # Act: a modality sends the study to the PACS, nothing else
        storescu(sender, ct_study.files, pacs.dicom_port, called="ORTHANC", calling="MODALITY")
        document = service.wait_until_final(ct_study.uid)
        confirmed = service.wait_for(
            ct_study.uid,
            lambda item: all(
                place["state"] == "CONFIRMED" for each in item["objects"] for place in each["destinations"].values()
            ),
            "storage commitment of every object",
        )
        sent = [job["ID"] for job in pacs.store_jobs()]
        # our objects make the study stable again; its images are sent once all the same
        wait_until(lambda: pacs.times_stable(ct_study.uid) >= 2, 60, "the study to be stable with our results")
        images = len(ct_study.files)
        after_feedback = service.wait_until_final(ct_study.uid)
        health, ready, metrics = (fetch(serve.web_address() + path) for path in ("/healthz", "/readyz", "/metrics"))
    finally:
        code = serve.end()

    # Assert
    found = pacs.instances_by_modality(ct_study.uid)
    report = pydicom.dcmread(BytesIO(pacs.file(found["SR"][0])))
    assert document["state"] == "DONE", document
    assert document["category"] == "LOW_BONE_DENSITY_SUSPECTED"
    assert {level["level"] for level in document["levels"]} >= {"L1", "L2", "L3", "L4"}
    assert {modality: len(items) for modality, items in found.items()} == {"CT": images, "SR": 1, "SEG": 1, "OT": 1}
    assert report.StudyInstanceUID == ct_study.uid
    assert {item["kind"] for item in confirmed["objects"]} == {"SR", "SEG", "SC"}
    assert after_feedback["revision"] == 1
    assert [(job["ID"], job["State"]) for job in pacs.store_jobs()] == [(job, "Success") for job in sent]
    assert code == 0
    assert_monitored(health, ready, metrics[1], images)
    assert_told_in_order(serve, ct_study.uid)


def assert_monitored(health: tuple[int, str], ready: tuple[int, str], metrics: str, images: int) -> None:
    """One study of so many images went through: all parts are ready, and the metrics count it."""
    assert (health, ready[0]) == ((200, "alive\n"), 200)
    assert {item["name"] for item in json.loads(ready[1])["checks"]} == {
        "database", "web", "workers", "disk", "listen", "register", "analysis", "delivery", "rescue",
    }  # fmt: skip
    assert (value(metrics, "trabecula_instances_received_total", calling_ae_title="ORTHANC") or 0) >= images
    assert value(metrics, "trabecula_studies", state="DONE") == 1
    assert value(metrics, "trabecula_turnaround_seconds_count", part="delivery") == 1
    assert value(metrics, "trabecula_workers", queue="io") == 1


def assert_told_in_order(serve: Process, study_uid: str) -> None:
    """The log has one line for each step of the study, in order, and the commitment's answer."""
    told = [event for event in serve.events() if event.get("study_uid") == study_uid]
    steps = [event["event"] for event in told if event["event"].startswith(("study.", "commitment."))]
    assert steps == [
        "study.settled", "study.analysed", "study.reported", "study.delivered", "study.done", "commitment.requested",
    ]  # fmt: skip
    assert told[-1]["answered"] is True  # by Orthanc, over an association of its own


def test_dcmtk_alone_and_a_late_image_that_supersedes_the_report(
    tmp_path: Path,
    installation: Callable[..., Installation],
    storescp: tuple[int, Path],
    require_tool: Callable[[str], str],
    mr_study: StudyOnDisk,
) -> None:
    sender = require_tool("storescu")
    port, folder = storescp
    service = installation(destinations=f"DCMTK=DCMTK@127.0.0.1:{port}")
    serve = service.start(tmp_path / "serve.log")
    try:
        serve.wait_for_line("trabecula is ready")

        # Act: all but the last image; the same again; then the late one
        storescu(sender, mr_study.files[:-1], service.port)
        first = service.wait_until_final(mr_study.uid)
        storescu(sender, mr_study.files[:-1], service.port)
        repeated = service.wait_until_final(mr_study.uid)
        storescu(sender, mr_study.files[-1:], service.port)
        second = service.wait_for(
            mr_study.uid, lambda item: item["revision"] == 2 and item["state"] == "DONE", "revision 2"
        )
    finally:
        serve.end()

    # Assert
    reports = sorted(
        (item for item in map(pydicom.dcmread, folder.iterdir()) if item.Modality == "SR"),
        key=lambda item: len(item.get("PredecessorDocumentsSequence") or ()),
    )
    predecessor = reports[1].PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert (first["state"], first["revision"]) == ("DONE", 1)
    assert (repeated["state"], repeated["revision"]) == ("DONE", 1)
    assert second["category"] in {"INDETERMINATE", "LOW_BONE_DENSITY_SUSPECTED"}
    assert len(reports) == 2
    assert predecessor.ReferencedSOPInstanceUID == reports[0].SOPInstanceUID
    assert all(
        place == {**place, "state": "SENT", "status": "0x0000"}
        for item in second["objects"]
        for place in item["destinations"].values()
    )
