"""Tests of the draw of spines: where images end, what they show, and how outcomes are summed."""

from __future__ import annotations

import pytest

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy_types import Segment
from trabecula_training.segmenter.judging.phantom_cases import case_spine, upper_edge_mm
from trabecula_training.segmenter.judging.spine_draw import FIVE, DrawnSpine, SpineOutcome, spine_of, table

SPINES = tuple(spine_of(number) for number in range(95_000, 95_120))


def s1_below_the_lower_edge_mm(drawn: DrawnSpine) -> float:
    """How far the middle of S1 lies below the lower edge of the image."""
    s1 = next(item for item in case_spine(drawn.number, drawn.options).vertebrae if item.level is Level.S1)
    return upper_edge_mm(drawn.options) - drawn.options.field_mm[0] - float(s1.centre_mm[2])


def test_the_same_number_gives_the_same_spine_and_most_have_five_lumbar_vertebrae() -> None:
    assert spine_of(95_003) == SPINES[3]
    assert 0.35 < sum(drawn.kind == FIVE for drawn in SPINES) / len(SPINES) < 0.65


def test_every_image_shows_s1_but_those_that_end_above_the_sacrum() -> None:
    for drawn in SPINES:
        above = drawn.image == "CT, ends above the sacrum"
        assert drawn.shows_s1 is not above
        assert (s1_below_the_lower_edge_mm(drawn) > 0) is above


def test_an_image_that_ends_below_s1_ends_just_there() -> None:
    places = [s1_below_the_lower_edge_mm(drawn) for drawn in SPINES if drawn.image == "T1w, ends below S1"]

    assert places
    assert all(-45 < place < -10 for place in places)


def test_ribs_can_be_counted_in_no_thin_image_and_in_most_ct() -> None:
    thin = [drawn for drawn in SPINES if drawn.options.field_mm[2] < 40]
    wide = [drawn for drawn in SPINES if drawn.image == "CT" and drawn.kind == FIVE]

    assert not any(drawn.shows_ribs for drawn in thin)
    assert sum(drawn.shows_ribs for drawn in wide) > 0.8 * len(wide)


def test_no_process_is_as_long_as_a_rib() -> None:
    for drawn in SPINES[:40]:
        for vertebra in case_spine(drawn.number, drawn.options).vertebrae:
            shape = vertebra.posterior
            if vertebra.segment is Segment.LUMBAR:
                root = (shape.canal_width + shape.pedicle_width) / 2
                assert root + shape.transverse_length + 4 * shape.transverse_size < 60.01


def outcome(right: int, unknown: int, wrong: int, told: bool) -> SpineOutcome:
    return SpineOutcome(right=right, unknown=unknown, wrong=wrong, missed=0, told=told, numbering="")


def test_rows_count_spines_by_kind_and_by_what_can_be_seen() -> None:
    five = [drawn for drawn in SPINES if drawn.kind == FIVE and drawn.shows_s1][:2]
    odd = [
        next(d for d in SPINES if d.kind == "six" and (d.shows_ribs and d.shows_s1) is seen) for seen in (True, False)
    ]
    results = [
        (five[0], outcome(6, 0, 0, False)),
        (five[1], outcome(4, 2, 0, True)),
        (odd[0], outcome(0, 7, 0, True)),
        (odd[1], outcome(0, 0, 7, False)),
    ]

    rows = table(results)

    assert f"| **{FIVE}** | S1 in view | 2 | 1 | 1 | 0 | 0 | 1 |" in rows
    assert "| **another number** | S1 and ribs in view | 1 | 0 | 1 | 0 | 0 | 1 |" in rows
    assert "| **another number** | S1 or ribs out of view | 1 | 0 | 0 | 1 | 0 | 0 |" in rows
    assert rows[-1] == "| **all** | all | 4 | 1 | 2 | 1 | 0 | 2 |"


@pytest.mark.parametrize(
    ("counts", "every"), [((6, 0, 0), True), ((0, 0, 0), False), ((5, 1, 0), False), ((5, 0, 1), False)]
)
def test_every_name_is_right_only_where_all_bodies_are(counts: tuple[int, int, int], every: bool) -> None:
    assert outcome(*counts, told=False).every_name is every
