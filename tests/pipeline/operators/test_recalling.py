"""A recall: every result of a maker is found in all revisions, marked where people look, and superseded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.delivery import Destination
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.study.recall import MadeBy, Maker
from trabecula.ledger.queries.studies import show_study
from trabecula.pipeline import register_instance, reprocess_study
from trabecula.pipeline.operators.recalling import Recall, find_results, recall_results

__all__ = ["database_url", "embedded_database_url"]

OTHER = "1.2.826.0.2"
MODEL = MadeBy(Maker.MODEL, "demo-ct")
PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, commitment=False)


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """Two studies that are done; the first has two revisions."""
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    for study_uid in (STUDY, OTHER):
        register_instance(made.services.open_ledger, made.instance(1, study_uid=study_uid), 60.0)
        made.be_quiet(study_uid)
    made.run_all()
    reprocess_study(made.services.open_ledger, STUDY, "admin")
    made.run_all()
    yield made
    made.engine.dispose()


def recall(world: World, *, reprocess: bool = False, made_by: MadeBy = MODEL) -> Recall:
    return recall_results(world.services, made_by, who="admin", reason="wrong threshold", reprocess=reprocess)


def recalled(world: World) -> set[str]:
    return {row["study_uid"] for row in world.listed(StudySearch(reason="RECALLED"))}


@pytest.mark.parametrize(
    ("made_by", "count"),
    [
        (MODEL, 3),
        (MadeBy(Maker.BUNDLE, "abababababab"), 3),
        (MadeBy(Maker.BUNDLE, "ababababab_b"), 0),
        (MadeBy(Maker.SOFTWARE, "test"), 3),
        (MadeBy(Maker.SOFTWARE, "tes"), 0),
        (MadeBy(Maker.SEGMENTER, "trabecula-spine 1.6.0"), 0),
        (MadeBy(Maker.MODEL, "demo"), 0),
    ],
)
def test_results_of_all_revisions_are_found_by_their_maker(world: World, made_by: MadeBy, count: int) -> None:
    found = find_results(world.services, made_by).results
    assert [(item.study_uid, item.revision, item.newest) for item in found] == [
        (STUDY, 1, False),
        (STUDY, 2, True),
        (OTHER, 1, True),
    ][:count]
    assert all(item.destinations == ("pacs",) and not item.recalled for item in found)
    assert recalled(world) == set()


def test_a_recall_marks_results_once_where_people_look(world: World) -> None:
    assert recall(world).marked == 3
    assert recall(world).marked == 0
    assert recalled(world) == {STUDY, OTHER}
    mark = show_study(world.engine, STUDY)["recall"]
    assert (mark["who"], mark["reason"], mark["name"]) == ("admin", "wrong threshold", "demo-ct")
    assert world.events(STUDY).count("RECALLED") == 2
    with pytest.raises(ReasonMissing):
        recall_results(world.services, MODEL, who="admin", reason=" ", reprocess=False)


def test_recalled_studies_are_measured_anew_and_those_in_work_are_told(world: World) -> None:
    reprocess_study(world.services.open_ledger, OTHER, "admin")
    done = recall(world, reprocess=True)
    assert done.reprocessed == ((STUDY, 3),)
    assert [item.revision for item in done.results if item.study_uid == OTHER] == [1]
    world.run_all()
    assert recalled(world) == set()
    assert show_study(world.engine, STUDY)["recall"] is None
