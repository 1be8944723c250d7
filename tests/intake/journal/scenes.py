"""A journal, its follower and a ledger in memory for the tests of this folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.builders import encoded, image, uid
from trabecula.domain.study.reception import RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.journal.disk import Disk
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.following import JournalFollower
from trabecula.intake.journal.writer import Journal, JournalOptions
from trabecula.intake.storage.part10 import file_head
from trabecula.intake.storage.spool import Spool
from trabecula.testing import MemoryRegistrar

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
QUICK = JournalOptions(segment_bytes=1 << 20, spares=0, idle_seconds=0.05, tell_seconds=0.02)
LASTING = JournalOptions(segment_bytes=1 << 20, spares=0, idle_seconds=3600.0, tell_seconds=0.02)
"""Segments stay open."""


def content(number: int = 1, patient: str = "P1") -> bytes:
    """Return a Part 10 file as the listener writes it."""
    data_set = image(number=number)
    data_set.PatientID = patient
    return file_head(CT, uid(1, 1, number), EXPLICIT) + encoded(data_set)


def arrived(number: int = 1, patient: str = "P1", **changes: str) -> tuple[ReceivedInstance, bytes]:
    """Return an instance as it comes wholly, and its file."""
    file = content(number, patient)
    instance = ReceivedInstance(
        sop_class_uid=CT,
        sop_instance_uid=uid(1, 1, number),
        transfer_syntax_uid=EXPLICIT,
        study_uid=uid(1),
        series_uid=uid(1, 1),
        spool_key="",
        size_bytes=len(file),
        sha256=hashlib.sha256(file).hexdigest(),
        calling_ae_title="PACS",
        association_id="a1",
        received_at=datetime.now(UTC),
    )
    return replace(instance, **changes), file


def refused(number: int = 1, **changes: object) -> RefusedInstance:
    """Return a refusal."""
    refusal = RefusedInstance(
        sop_class_uid=CT,
        sop_instance_uid=uid(1, 1, number),
        study_uid=uid(1),
        series_uid=uid(1, 1),
        status=0xA700,
        code="STORAGE_FULL",
        calling_ae_title="PACS",
        association_id="a1",
        refused_at=datetime.now(UTC),
    )
    return replace(refusal, **changes)  # type: ignore[arg-type]


@dataclass
class Host:
    """One receiving host."""

    root: Path
    register: MemoryRegistrar = field(default_factory=MemoryRegistrar)
    disk: Disk = field(default_factory=Disk)
    options: JournalOptions = LASTING

    def __post_init__(self) -> None:
        self.spool = Spool(self.root / "spool")
        self.folder = JournalFolder(self.root / "journal")
        self.journal = Journal(self.folder, self.options, self.disk)
        self.follower = JournalFollower(self.folder, self.spool, self.register)

    def keep(self, *numbers: int, patient: str = "P1") -> None:
        for number in numbers:
            instance, file = arrived(number, patient)
            self.journal.keep_instance(instance, [file])

    def follow(self) -> int:
        count = 0
        while moved := self.follower.step():
            count += moved
        return count

    def segments(self) -> list[Path]:
        return [segment.path for segment in self.folder.segments()]

    def registered(self) -> list[str]:
        return [instance.sop_instance_uid for instance in self.register.instances]

    def killed(self) -> Host:
        """Return the host as it starts again after its listener was killed; nothing of the old one runs on."""
        self.journal._stopping = True
        self.journal._wake.set()
        if self.journal._tender is not None:
            self.journal._tender.join()
        self.journal._held.close()
        return Host(self.root, self.register, Disk(), self.options)
