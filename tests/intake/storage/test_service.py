"""One C-STORE without a network: what is kept, what is quarantined and what each failure is answered with."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydicom import Dataset

from tests.builders import encoded, image, uid, without_head
from trabecula.intake.admission import DiskWatermark
from trabecula.intake.storage.part10 import file_head
from trabecula.intake.storage.service import DataSink, Origin, StoreService
from trabecula.intake.storage.spool import Spool
from trabecula.intake.upper_layer.command import Command, CommandField, DimseStatus
from trabecula.testing import MemoryRegistrar

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


class Desk:
    """A store service over a real spool, with a disk as free as the test says."""

    def __init__(self, folder: Path) -> None:
        self.spool = Spool(folder)
        self.registrar = MemoryRegistrar()
        self.free_bytes = 1 << 40
        self._service = StoreService(self.spool, self.registrar, DiskWatermark(lambda: self.free_bytes, 1 << 30))

    def begin(self, sop_instance_uid: str = uid(1, 1, 1), sop_class_uid: str = CT) -> DataSink:
        command = Command(
            field=CommandField.C_STORE_RQ,
            message_id=1,
            has_data_set=True,
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
        )
        return self._service.begin(command, EXPLICIT, Origin("PACS", "a1"))

    def store(self, content: bytes, sop_instance_uid: str = uid(1, 1, 1)) -> tuple[DimseStatus, str]:
        sink = self.begin(sop_instance_uid)
        sink.write(memoryview(content))
        return sink.finish()

    def faults(self) -> list[str]:
        return [each.fault for each in self.registrar.quarantined]

    def left_aside(self) -> list[str]:
        return os.listdir(self.spool.root / "incoming")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "spool")


def _with_private_bytes(count: int) -> Dataset:
    data_set = image()
    data_set.private_block(0x0019, "PROBE", create=True).add_new(0x01, "OB", bytes(count))
    return data_set


def test_a_long_head_is_read_further(desk: Desk) -> None:
    assert desk.store(encoded(_with_private_bytes(300_000))) == (DimseStatus.SUCCESS, "")
    assert [each.study_uid for each in desk.registrar.instances] == [uid(1)]


def test_an_endless_head_goes_to_quarantine(desk: Desk) -> None:
    assert desk.store(encoded(_with_private_bytes(17 << 20))) == (DimseStatus.SUCCESS, "")
    assert desk.faults() == [
        "INSTANCE_UNPARSABLE: The received instance is not readable DICOM; it lies in quarantine: "
        "the Series Instance UID is not near its beginning."
    ]


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("StudyInstanceUID", "", "the Study Instance UID is missing"),
        ("SeriesInstanceUID", "", "the Series Instance UID is missing"),
        ("StudyInstanceUID", "../../etc", "the Study Instance UID is not a UID"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4", "different SOP Classes"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_a_wrong_identity_goes_to_quarantine(desk: Desk, keyword: str, value: str, reason: str) -> None:
    data_set = image()
    setattr(data_set, keyword, value)
    content = encoded(data_set)

    assert desk.store(content) == (DimseStatus.SUCCESS, "")
    (fault,) = desk.faults()
    assert reason in fault
    assert desk.registrar.instances == ()


@pytest.mark.parametrize("sop_instance_uid", ["", "1.2.3/../../x", "9" * 65])
def test_a_request_without_a_sound_uid_goes_to_quarantine(desk: Desk, sop_instance_uid: str) -> None:
    assert desk.store(encoded(image()), sop_instance_uid) == (DimseStatus.SUCCESS, "")
    assert "the Affected SOP Instance UID is" in desk.faults()[0]


def test_a_file_without_a_row_is_registered_before_its_altered_copy_is_set_aside(desk: Desk) -> None:
    # as a crash between rename and commit leaves it: the file stands, the ledger knows nothing
    incoming = desk.spool.receive()
    incoming.write(file_head(CT, uid(1, 1, 1), EXPLICIT) + encoded(image()))
    first = incoming.keep(uid(1, 1, 1))
    altered = image()
    altered.PatientID = "ALTERED"

    assert desk.store(encoded(altered)) == (DimseStatus.SUCCESS, "")

    (kept,) = desk.registrar.instances
    assert (kept.sha256, kept.size_bytes) == (first.sha256, first.size_bytes)
    assert desk.faults()[0].startswith("INSTANCE_CONFLICT: ")
    assert without_head(desk.spool.existing(kept.spool_key).read_bytes()) == encoded(image())


def test_below_the_watermark_nothing_is_begun(desk: Desk) -> None:
    desk.free_bytes = 1 << 20
    refused = desk.store(encoded(image()))
    desk.free_bytes = 1 << 40
    accepted = desk.store(encoded(image()))

    assert (refused, accepted) == ((DimseStatus.OUT_OF_RESOURCES, "STORAGE_FULL"), (DimseStatus.SUCCESS, ""))


def test_a_disk_that_fills_up_in_the_middle(desk: Desk) -> None:
    sink = desk.begin()
    (aside,) = (desk.spool.root / "incoming").iterdir()
    descriptor = next(
        int(name) for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")
        and os.path.samefile(f"/proc/self/fd/{name}", aside)
    )  # fmt: skip
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, descriptor)
    os.close(full)
    for _ in range(3):
        sink.write(memoryview(bytes(1 << 20)))

    assert sink.finish() == (DimseStatus.OUT_OF_RESOURCES, "DISK_FULL")
    assert desk.left_aside() == []
    assert desk.registrar.instances == ()


def test_an_abandoned_transfer_leaves_nothing(desk: Desk) -> None:
    sink = desk.begin()
    sink.write(memoryview(encoded(image())))

    sink.abandon()

    assert desk.left_aside() == []
    assert desk.registrar.instances == ()


def test_a_class_that_is_not_wanted_never_touches_the_disk(desk: Desk) -> None:
    desk.free_bytes = 0
    sink = desk.begin(sop_class_uid="1.2.840.10008.5.1.4.1.1.88.34")
    sink.write(memoryview(b"whatever"))

    assert desk.left_aside() == []
    assert sink.finish() == (DimseStatus.SUCCESS, "")
    assert (desk.registrar.instances, desk.registrar.quarantined) == ((), ())
