"""A real Orthanc as destination: it keeps our objects and confirms them at our own listener."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from tests.builders import document, image, part10, uid
from tests.orthanc import AE_TITLE, Orthanc
from tests.peers.conftest import QUICK, result_object
from tests.waiting import wait_until
from trabecula.domain.delivery import Destination
from trabecula.domain.results.result import ObjectKind
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.peers.commitment import CommitmentScu
from trabecula.peers.sender import StoreSender
from trabecula.testing import MemoryRegistrar


@pytest.fixture
def registrar() -> MemoryRegistrar:
    return MemoryRegistrar()


@pytest.fixture
def orthanc(
    registrar: MemoryRegistrar, require_tool: Callable[[str], str], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Orthanc]:
    """An Orthanc that answers storage commitment to a listener of ours."""
    listener = Listener(ListenerConfig(port=0, min_free_bytes=0), Spool(tmp_path / "spool"), registrar)
    modality = {"AET": "TRABECULA", "Host": "127.0.0.1", "Port": listener.start(), "AllowStorageCommitment": True}
    archive = Orthanc(
        require_tool("Orthanc"), tmp_path / "orthanc", free_port(), free_port(), modalities={"trabecula": modality}
    )
    archive.start()
    yield archive
    archive.stop()
    listener.stop()


def test_orthanc_keeps_and_confirms(orthanc: Orthanc, registrar: MemoryRegistrar) -> None:
    destination = Destination(name="orthanc", ae_title=AE_TITLE, host="127.0.0.1", port=orthanc.dicom_port)
    orthanc.upload(part10(image()))
    report = result_object(document(sop_class=ComprehensiveSRStorage))
    outlines = result_object(document(number=2, sop_class=SegmentationStorage), kind=ObjectKind.SEGMENTATION)

    outcomes = StoreSender("TRABECULA", QUICK).send(destination, [report, outlines])
    asked = [(each.sop_class_uid, each.sop_instance_uid) for each in outcomes]
    never_sent = ("1.2.840.10008.5.1.4.1.1.7", uid(1, 900, 99))
    answer = CommitmentScu("TRABECULA", 0.5, QUICK).request(destination, uid(7), [*asked, never_sent])
    wait_until(lambda: uid(7) in registrar.commitments, 20)

    assert [each.status for each in outcomes] == [0, 0]
    assert len(orthanc.get("/studies")) == 1
    assert len(orthanc.get("/instances")) == 3
    assert answer is None  # Orthanc answers over an association of its own
    assert registrar.commitments[uid(7)] == {
        report.sop_instance_uid: True,
        outlines.sop_instance_uid: True,
        never_sent[1]: False,
    }
