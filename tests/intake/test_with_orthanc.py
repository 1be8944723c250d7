"""A real Orthanc as router and source archive of the intake."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import ComprehensiveSRStorage, SecondaryCaptureImageStorage

from tests.builders import document, image, part10, uid
from tests.intake.conftest import Running
from tests.orthanc import AE_TITLE, Orthanc
from tests.waiting import wait_until
from trabecula.domain.errors import ArchiveQueryFailed
from trabecula.domain.errors_of.retention import ArchiveFetchFailed
from trabecula.peers.archive import ArchiveConfig, FindArchive
from trabecula.peers.connection import Timeouts

ROUTE = """
function OnStableStudy(studyId, tags, metadata)
  RestApiPost('/modalities/trabecula/store', studyId)
end
"""


@pytest.fixture
def orthanc(
    running: Running, require_tool: Callable[[str], str], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Orthanc]:
    """An Orthanc that routes every stable study to the listener."""
    archive = Orthanc(
        require_tool("Orthanc"),
        tmp_path / "orthanc",
        free_port(),
        free_port(),
        modalities={"trabecula": ["TRABECULA", "127.0.0.1", running.port]},
        lua=ROUTE,
    )
    archive.start()
    yield archive
    archive.stop()


def _archive(orthanc: Orthanc, called: str = AE_TITLE) -> FindArchive:
    return FindArchive(
        ArchiveConfig(
            own_ae_title="TRABECULA",
            ae_title=called,
            host="127.0.0.1",
            port=orthanc.dicom_port,
            timeouts=Timeouts(2, 5, 5),
        )
    )


def test_orthanc_routes_a_study_and_repeats_it_without_effect(running: Running, orthanc: Orthanc) -> None:
    for number in range(1, 11):
        orthanc.upload(part10(image(number=number)))
    wait_until(lambda: len(running.registrar.instances) == 10, 30)
    first = running.registrar.instances

    orthanc.upload(part10(document()))  # the study becomes stable again, and all of it is sent again
    wait_until(lambda: _jobs_done(orthanc) >= 2, 30)

    assert running.registrar.instances == first
    assert running.registrar.quarantined == ()
    assert {each.calling_ae_title for each in first} == {AE_TITLE}


def _jobs_done(orthanc: Orthanc) -> int:
    return sum(1 for job in orthanc.get("/jobs?expand") if job["State"] == "Success")


def test_the_archive_counts_the_images_that_can_arrive(orthanc: Orthanc) -> None:
    for number in range(1, 11):
        orthanc.upload(part10(image(number=number)))
    for number in range(1, 3):
        orthanc.upload(part10(image(series=2, number=number)))
    dose_sheet = image(series=3, sop_class=SecondaryCaptureImageStorage)
    dose_sheet.Modality = "CT"
    orthanc.upload(part10(dose_sheet))
    orthanc.upload(part10(document(sop_class=ComprehensiveSRStorage)))

    assert _archive(orthanc).count_instances(uid(1)) == 12
    assert _archive(orthanc).count_instances(uid(2)) is None


def test_the_archive_sends_a_study_again_to_our_listener(running: Running, orthanc: Orthanc) -> None:
    for number in range(1, 4):
        orthanc.upload(part10(image(study=5, number=number)))

    sent = _archive(orthanc).fetch(uid(5))

    assert sent == 3
    wait_until(lambda: sum(each.study_uid == uid(5) for each in running.registrar.instances) == 3, 30)


def test_an_archive_that_does_not_know_the_study_or_us_sends_nothing_and_says_so(orthanc: Orthanc) -> None:
    with pytest.raises(ArchiveFetchFailed, match="C-MOVE"):
        _archive(orthanc).fetch(uid(77))
    with pytest.raises(ArchiveFetchFailed, match="WRONG@127") as error:
        _archive(orthanc, called="WRONG").fetch(uid(5))

    assert "move destination" in error.value.next_step


def test_an_archive_that_refuses_the_query(orthanc: Orthanc) -> None:
    with pytest.raises(ArchiveQueryFailed) as error:
        _archive(orthanc, called="WRONG").count_instances(uid(1))

    assert error.value.code == "ARCHIVE_QUERY_FAILED"
    assert "WRONG@127.0.0.1" in error.value.sentence
    assert "settles by quiet time alone" in error.value.next_step


def test_an_archive_that_is_away(free_port: Callable[[], int]) -> None:
    archive = FindArchive(
        ArchiveConfig(
            own_ae_title="TRABECULA", ae_title="PACS", host="127.0.0.1", port=free_port(), timeouts=Timeouts(1, 1, 1)
        )
    )
    began = time.monotonic()

    with pytest.raises(ArchiveQueryFailed):
        archive.count_instances(uid(1))

    assert time.monotonic() - began < 5
