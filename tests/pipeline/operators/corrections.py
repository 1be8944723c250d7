"""A source that sends images through the real reception into the world's spool and ledger, and sends them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from tests.builders import encoded, image, uid
from tests.pipeline.world import World, make_world
from trabecula.domain.delivery import Destination
from trabecula.domain.study.jobs import Stage
from trabecula.imaging.headers.facts import HeaderFactsReader
from trabecula.intake.admission import DiskWatermark
from trabecula.intake.storage.service import Origin, StoreService
from trabecula.intake.storage.spool import Spool
from trabecula.intake.upper_layer.command import Command, CommandField, DimseStatus
from trabecula.jobs.registrar import LedgerRegistrar
from trabecula.pipeline import adopt_correction

STUDY = uid(1)
ALL = range(1, 7)
EXPLICIT = "1.2.840.10008.1.2.1"
OLD = {"PatientID": "WRONG-1", "PatientName": "Wrong^Wanda", "PatientBirthDate": "19500101", "PatientSex": "F"}
NEW = {"PatientID": "RIGHT-2", "PatientName": "Right^Rita", "PatientBirthDate": "19610203", "PatientSex": "F"}
THIRD = NEW | {"PatientID": "RIGHT-3"}
PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, commitment=False)


@dataclass
class Source:
    """Sends images of the study to the world."""

    world: World

    def send(
        self, numbers: Iterable[int], identity: dict[str, str], *, syntax: str = EXPLICIT, **changes: object
    ) -> None:
        """Send images of one study in two series (even and odd numbers), each acknowledged."""
        for number in numbers:
            data_set = image(1, 1 + number % 2, number)
            for keyword, value in (identity | changes).items():
                setattr(data_set, keyword, value)
            self.store(data_set, syntax)

    def store(self, data_set: Dataset, syntax: str = EXPLICIT, content: bytes = b"") -> None:
        """Send one data set (or other bytes in its name)."""
        service = StoreService(
            Spool(self.world.spool),
            LedgerRegistrar(self.world.services.open_ledger, 60.0),
            DiskWatermark(lambda: 1 << 40, 0),
        )
        command = Command(
            field=CommandField.C_STORE_RQ,
            message_id=1,
            has_data_set=True,
            sop_class_uid=data_set.SOPClassUID,
            sop_instance_uid=data_set.SOPInstanceUID,
        )
        sink = service.begin(command, syntax, Origin("ROUTER", "a1"))
        sink.write(memoryview(content or encoded(data_set, syntax)))
        assert sink.finish() == (DimseStatus.SUCCESS, "")

    def finish(self) -> None:
        """Let the study settle and run to its end."""
        self.world.be_quiet(STUDY)
        self.world.run_next(Stage.SETTLE)
        self.world.run_all()

    def patients(self) -> set[str]:
        """Return the Patient IDs of the files in use."""
        keys = self.world.rows("SELECT spool_key FROM instances")
        return {str(dcmread(self.world.spool / key).PatientID) for key in keys}

    def quarantined_files(self) -> list[str]:
        """Return the names in the quarantine folder."""
        return sorted(path.name for path in (self.world.spool / "quarantine").iterdir())


def source_at(url: str, folder: Path) -> Source:
    """Return a source and a world whose facts are read from real headers."""
    return Source(make_world(url, folder, (PACS,), facts=HeaderFactsReader()))


@pytest.fixture
def source(embedded_database_url: str, tmp_path: Path) -> Iterator[Source]:
    """A study of six images that is done, reported for the wrong patient."""
    made = source_at(embedded_database_url, tmp_path)
    made.send(ALL, OLD)
    made.finish()
    assert made.world.state(STUDY) == "DONE"
    yield made
    made.world.engine.dispose()


def adopt(source: Source) -> None:
    adopt_correction(source.world.services, STUDY, "tester", "wrong patient chosen at the scanner")


def standing(source: Source) -> tuple[object, ...]:
    """Everything a refusal must leave as it is."""
    rows = source.world.rows
    return (
        rows("SELECT state, revision, patient_id FROM studies"),
        rows("SELECT sop_instance_uid, sha256, spool_key FROM instances ORDER BY 1"),
        rows("SELECT id, state FROM quarantine ORDER BY 1"),
        rows("SELECT count(*) FROM former_copies"),
        source.world.events(STUDY),
    )
