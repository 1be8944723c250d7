"""Reprocessing several studies: what would come out again is left alone, and one refusal keeps no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.uids import StudyUid
from trabecula.pipeline import KeptStudy, Reprocessed, ReprocessOutcome, register_instance, reprocess_studies

__all__ = ["database_url", "embedded_database_url"]

NOBODY = StudyUid("1.2.826.0.9")


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """One study that is done."""
    made = make_world(embedded_database_url, tmp_path)
    register_instance(made.services.open_ledger, made.instance(1), 60.0)
    made.be_quiet(STUDY)
    made.run_all()
    yield made
    made.engine.dispose()


def outcomes(found: Iterable[Reprocessed]) -> list[tuple[str, ReprocessOutcome, int | None]]:
    return [(item.study_uid, item.outcome, item.revision) for item in found]


def as_before(kept: KeptStudy) -> Mapping[str, str]:
    return kept.result.versions


def by_another_program(kept: KeptStudy) -> Mapping[str, str]:
    return {**kept.result.versions, "software": "next"}


def test_a_refusal_of_one_keeps_no_other(world: World) -> None:
    first, second = reprocess_studies(world.services, [NOBODY, StudyUid(STUDY)], "admin", by_another_program)

    assert first.outcome is ReprocessOutcome.REFUSED
    assert isinstance(first.refusal, StudyUnknown)
    assert (second.outcome, second.revision, second.refusal) == (ReprocessOutcome.REPROCESSED, 2, None)


def test_what_would_come_out_again_is_left_alone_unless_nobody_is_asked(world: World) -> None:
    study = [StudyUid(STUDY)]

    same = outcomes(reprocess_studies(world.services, study, "admin", as_before))
    revisions = world.rows("SELECT revision FROM revisions")
    forced = outcomes(reprocess_studies(world.services, study, "admin", None))

    assert same == [(STUDY, ReprocessOutcome.UNCHANGED, None)]
    assert revisions == [1]
    assert forced == [(STUDY, ReprocessOutcome.REPROCESSED, 2)]
