from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.conftest import PACS, SECOND
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.study.retention import RetentionPolicy
from trabecula.intake.storage.spool import Spool
from trabecula.jobs.study_files import StoredStudyFiles
from trabecula.ledger.label_maps import AnalysisStore
from trabecula.ledger.retention.deletion_log import DELETIONS, DeletionLogFile
from trabecula.pipeline import register_instance
from trabecula.pipeline.retention.removing import RetentionServices

__all__ = ["database_url", "embedded_database_url"]


class Kept:
    """A world whose images lie where the spool puts them, and what retention needs of it."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.spool = Spool(world.spool)
        self.results = folder / "results"
        self.retention = RetentionServices(
            open_ledger=world.services.open_ledger,
            files=StoredStudyFiles(self.spool, AnalysisStore(self.results)),
            log=DeletionLogFile(folder / DELETIONS),
            policy=RetentionPolicy(keep_images_days=30, keep_results_days=60, unasked=frozenset({"second"})),
        )

    def path(self, number: int, study_uid: str = STUDY) -> Path:
        return self.spool.root / self.spool.key_of(f"{study_uid}.5.{number}")

    def receive(self, *numbers: int, study_uid: str = STUDY, content: str = "") -> None:
        """Let images come, their bytes placed as the registrar places them."""
        for number in numbers:
            made = self.world.instance(number, study_uid=study_uid, content=content)
            path = self.path(number, study_uid)
            if not path.exists():
                path.write_bytes((content or made.sop_instance_uid).encode())
            instance = replace(
                made,
                spool_key=self.spool.key_of(made.sop_instance_uid),
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            register_instance(self.world.services.open_ledger, instance, 60.0)

    def finish(self, *numbers: int, study_uid: str = STUDY) -> None:
        self.receive(*numbers, study_uid=study_uid)
        self.world.be_quiet(study_uid)
        self.world.run_all()

    def age(self, days: int, study_uid: str = STUDY) -> None:
        """Let everything of a study have happened so many days earlier."""
        values = {"days": days, "uid": study_uid}
        earlier = "- :days * interval '1 day'"
        self.world.rows(
            f"UPDATE studies SET last_image_at = last_image_at {earlier}, first_image_at = first_image_at {earlier} "
            "WHERE study_uid = :uid",
            **values,
        )
        self.world.rows(
            f"UPDATE revisions SET done_at = done_at {earlier}, reported_at = reported_at {earlier}, "
            f"analysed_at = analysed_at {earlier} WHERE study_uid = :uid",
            **values,
        )


@pytest.fixture
def kept(embedded_database_url: str, tmp_path: Path) -> Iterator[Kept]:
    world = make_world(embedded_database_url, tmp_path, (PACS, SECOND))
    world.requester.answer = True
    yield Kept(world, tmp_path)
    world.engine.dispose()
