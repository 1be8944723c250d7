"""The reporting checklists: complete, numbered as published, and answered only where the program knows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trabecula_training.reporting.checklist import (
    Checklist,
    ChecklistItem,
    Facts,
    Status,
    filled,
    metrics_score,
    run_facts,
)

NAMES = (
    "always",
    "sound",
    "updating",
    "handcrafted",
    "end_to_end",
    "external",
    "sites",
    "sites_named",
    "several_sites",
    "subgroups",
    "baselines",
    "stability_measured",
    "feature_settings",
    "acquisition",
    "every_input",
    "large_enough",
)
NOTHING: dict[str, bool | None] = dict.fromkeys(NAMES, False)


def lists(**facts: bool | None) -> dict[str, Checklist]:
    known: Facts = {**NOTHING, "always": True, **facts}
    return {item.name: item for item in filled(known)}


def item(checklist: Checklist, number: str) -> ChecklistItem:
    return next(entry for entry in checklist.items if entry.number == number)


@pytest.mark.parametrize(("name", "items"), [("TRIPOD+AI", 52), ("CLEAR", 58), ("METRICS", 30)])
def test_every_item_stands_once_under_its_number(name: str, items: int) -> None:
    checklist = lists()[name]

    numbers = [entry.number for entry in checklist.items]
    assert (len(numbers), len(set(numbers))) == (items, items)
    assert all(entry.asks for entry in checklist.items)
    assert checklist.source
    assert sum(checklist.count(status) for status in Status) == items


def test_tripod_has_its_27_items() -> None:
    assert {entry.number.rstrip("abcdefg") for entry in lists()["TRIPOD+AI"].items} == {str(n) for n in range(1, 28)}


def test_the_weights_of_metrics_sum_to_one_and_each_category_to_its_rank() -> None:
    weights = {int(entry.number): entry.weight for entry in lists()["METRICS"].items}
    categories = [(1, 3, 9), (4, 7, 6.5), (8, 10, 3), (11, 13, 6), (14, 17, 4), (18, 19, 4), (20, 25, 6), (26, 27, 5)]
    categories.append((28, 30, 1))

    assert sum(weights.values()) == pytest.approx(1.0, abs=1e-9)
    ranks = sum(rank for _, _, rank in categories)
    for first, last, rank in categories:
        share = sum(weights[number] for number in range(first, last + 1))
        assert share == pytest.approx(rank / ranks, abs=2e-4), (first, last)


def test_what_only_people_know_is_left_to_them() -> None:
    tripod = lists(sound=True)["TRIPOD+AI"]

    assert item(tripod, "17").status is Status.UNKNOWN
    assert item(tripod, "17").evidence == ""
    assert item(tripod, "7").status is Status.FILLED
    assert item(tripod, "8a").status is Status.PART
    assert item(tripod, "24").status is Status.NOT_APPLICABLE


def test_what_the_program_knows_not_to_hold_is_a_no() -> None:
    assert item(lists()["CLEAR"], "38").status is Status.NO
    assert item(lists(sound=True)["CLEAR"], "38").status is Status.FILLED
    assert item(lists(several_sites=None)["METRICS"], "4").status is Status.UNKNOWN


def test_items_of_the_other_kind_of_model_do_not_count() -> None:
    radiomics = lists(handcrafted=True)["METRICS"]
    images = lists(end_to_end=True)["METRICS"]

    assert item(radiomics, "17").status is Status.NOT_APPLICABLE
    assert item(images, "17").status is Status.UNKNOWN
    assert item(images, "14").status is Status.NOT_APPLICABLE


def test_the_score_counts_what_is_sure_and_what_is_open() -> None:
    entries = [
        ChecklistItem(number="1", asks="a", status=Status.FILLED, evidence="", weight=0.3),
        ChecklistItem(number="2", asks="b", status=Status.UNKNOWN, evidence="", weight=0.1),
        ChecklistItem(number="3", asks="c", status=Status.NO, evidence="", weight=0.1),
        ChecklistItem(number="4", asks="d", status=Status.NOT_APPLICABLE, evidence="", weight=0.5),
    ]

    score = metrics_score(entries)

    assert (score.sure, score.at_most) == (pytest.approx(60.0), pytest.approx(80.0))
    better = metrics_score([*entries[:1], replace(entries[1], status=Status.FILLED), *entries[2:]])
    assert better.sure == pytest.approx(80.0)


def test_a_run_knows_its_facts() -> None:
    task = {"external": {}, "sites": {}, "subgroups": {"RF": []}, "comparisons": {"RF": []}}
    document = {
        "mode": "sound",
        "settings": {"inputs": []},
        "cohort": {"sites": {"one": 4, "two": 5}},
        "features": {"kind": "radiomics", "settings_sha256": "ab", "stability": {}, "acquisition": {"CT": {}}},
        "tasks": [{**task, "sample_size": {"shortfalls": ["too few"]}}],
    }

    facts = run_facts(document)

    assert facts["sound"]
    assert facts["several_sites"]
    assert facts["every_input"]
    assert not facts["large_enough"]
    assert not facts["external"]
    assert set(facts) == set(NAMES)
    assert run_facts({**document, "cohort": {"sites": {}}})["several_sites"] is None
