"""Two destinations of different languages: one report and one picture for each, frozen with the revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.test_chain import finish
from tests.pipeline.world import STUDY, World, make_world
from trabecula.domain.delivery import Destination
from trabecula.domain.language import Language
from trabecula.ledger.queries.study_document import study_document
from trabecula.pipeline import reprocess_study, resend_study


def destination(name: str, language: Language) -> Destination:
    return Destination(name=name, ae_title="X", host="127.0.0.1", port=1, commitment=False, language=language)


PACS, WARD = destination("pacs", Language.ENGLISH), destination("ward", Language.GERMAN)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(database_url, tmp_path, (PACS, WARD))
    yield made
    made.engine.dispose()


def sent(world: World, name: str) -> dict[str, str]:
    return {kind: uid for to, kind, uid in world.sender.sent if to == name}


def with_destinations(world: World, *wanted: Destination) -> World:
    world.services = replace(world.services, destinations={item.name: item for item in wanted})
    return world


def test_each_destination_gets_its_own_language_and_the_one_segmentation(world: World) -> None:
    finish(world, 1, 2)

    english, german = sent(world, "pacs"), sent(world, "ward")
    assert world.state() == "DONE"
    assert english["SEG"] == german["SEG"]
    assert english["SR"] != german["SR"]
    assert english["SC"] != german["SC"]
    kept = world.services.artifacts.load_objects(STUDY, 1)
    by_uid = {item.sop_instance_uid: item.language for item in kept}
    assert by_uid[english["SR"]] is Language.ENGLISH
    assert by_uid[german["SR"]] is Language.GERMAN
    assert by_uid[german["SEG"]] is None


def test_the_document_of_the_study_tells_which_object_went_where(world: World) -> None:
    finish(world, 1, 2)

    with world.engine.connect() as connection:
        objects = study_document(connection, STUDY)["objects"]

    told = {(item["kind"], item["language"]): sorted(item["destinations"]) for item in objects}
    assert told == {
        ("SR", "en"): ["pacs"],
        ("SR", "de"): ["ward"],
        ("SEG", None): ["pacs", "ward"],
        ("SC", "en"): ["pacs"],
        ("SC", "de"): ["ward"],
    }


def test_another_language_later_changes_nothing_that_was_delivered(world: World) -> None:
    finish(world, 1, 2)
    before = sent(world, "ward")
    world.sender.sent.clear()
    with_destinations(world, PACS, destination("ward", Language.JAPANESE))

    resend_study(world.services, STUDY, "ward", "admin")
    world.run_all()

    assert sent(world, "ward") == before
    assert world.rows("SELECT count(*) FROM objects WHERE rank = 0") == [5]


def test_the_next_revision_is_in_the_new_language_and_names_what_that_destination_has(world: World) -> None:
    finish(world, 1, 2)
    german = sent(world, "ward")["SR"]
    with_destinations(world, PACS, destination("ward", Language.JAPANESE), destination("clinic", Language.GERMAN))

    reprocess_study(world.services.open_ledger, STUDY, "admin")
    world.run_all()

    made = world.services.artifacts.load_objects(STUDY, 2)
    languages = [str(item.language) for item in made if str(item.kind) == "SR"]
    assert languages == ["en", "de", "ja"]
    assert all(german in item.content.decode() for item in made)  # the report of that language stands among them


def test_a_destination_of_a_language_that_was_not_made_gets_english(world: World) -> None:
    finish(world, 1, 2)
    with_destinations(world, PACS, WARD, destination("new", Language.FRENCH))

    resend_study(world.services, STUDY, "new", "admin")
    world.run_all()

    assert sent(world, "new") == sent(world, "pacs")
