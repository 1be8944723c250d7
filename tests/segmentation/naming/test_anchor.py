"""Tests of where counting begins: S1 among pieces that look like it, and a last body that may be S1 itself."""

from __future__ import annotations

import numpy as np
import pytest

from tests.segmentation.network.test_instances import BODY, CLASSES, PITCH, maps
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import Level
from trabecula.segmentation.naming.anchor import Junction, find_anchor, is_squared, settle_junction
from trabecula.segmentation.naming.levels import COUNTED, DOUBTED, UNKNOWN, Naming, name_bodies, with_squared_s1
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import find_instances

S1, SACRUM = CLASSES.index("s1"), CLASSES.index("sacrum")
S1_TOP = 8 + 5 * PITCH
"""Upper edge of S1 in ``maps()`` (five bodies above it)."""


def draw(image: Maps, kind: int, rows: slice, share: float = 0.95) -> None:
    """Say ``kind`` of rows of the column, with what is left of the probability for body."""
    image.channels[:, : len(CLASSES), rows, 25:60] = 0
    image.channels[:, kind, rows, 25:60] = share
    image.channels[:, 1, rows, 25:60] = 0.97 - share


def junction(image: Maps) -> Junction:
    anchor = find_anchor(image)
    return settle_junction(image, find_instances(image, 4.0, 1.0, anchor is not None), anchor)


def with_second_s1() -> Maps:
    """S2 called S1 as well, a disc below S1."""
    image = maps()
    draw(image, S1, slice(S1_TOP + PITCH, S1_TOP + PITCH + 22))
    return image


def torn(height: int, wedge: bool = True) -> Maps:
    """The real S1 is called body in its upper ``height`` rows, not quite surely, and S1 below; a ``wedge`` as S1 is, it
    is far shallower from front to back in the lower half of them."""
    image = maps(7)
    top = 8 + 5 * PITCH
    draw(image, S1, slice(top + height, 8 + 6 * PITCH + BODY))
    draw(image, S1, slice(top, top + height), share=0.05)
    if wedge:
        shallow(image, slice(top + height // 2, top + height))
    return image


def shallow(image: Maps, rows: slice) -> None:
    """Take the front third of the column away."""
    image.channels[:, : len(CLASSES), rows, 25:39] = 0
    image.channels[:, 0, rows, 25:39] = 1


def outlined_as_l5(front: int) -> Maps:
    """A whole last body without any sign of S1 in it but its shape: ``front`` is where its lower end begins."""
    image = maps(7)
    rows = slice(8 + 5 * PITCH + 12, 8 + 5 * PITCH + BODY)
    image.channels[:, : len(CLASSES), rows, 25:front] = 0
    image.channels[:, 0, rows, 25:front] = 1
    return image


def test_of_two_pieces_of_s1_one_above_the_other_the_upper_is_s1() -> None:
    image = with_second_s1()

    anchor = find_anchor(image)

    assert anchor is not None
    assert anchor.centre[1] == pytest.approx(S1_TOP + BODY / 2, abs=1.5)


def test_two_pieces_of_s1_far_apart_are_no_anchor() -> None:
    image = maps()
    image.channels[:, S1, 8:34, 25:60] = image.channels[:, S1, S1_TOP : S1_TOP + BODY, 25:60]
    image.channels[:, 1, 8:34, 25:60] = 0

    assert find_anchor(image) is None


def test_without_sacrum_below_it_nothing_is_s1() -> None:
    image = maps()
    image.channels[:, SACRUM] = 0

    assert find_anchor(image) is None


@pytest.mark.parametrize(("body", "cut", "found"), [(0.02, True, True), (0.13, True, False), (0.13, False, True)])
def test_an_s1_that_the_lower_edge_cuts_must_not_look_like_a_body(body: float, cut: bool, found: bool) -> None:
    image = maps()
    draw(image, S1, slice(S1_TOP, S1_TOP + BODY), share=0.97 - body)
    image.channels[:, SACRUM, S1_TOP : S1_TOP + BODY, 62:74] = 0.95
    if cut:
        image = Maps(image.channels[:, :, : S1_TOP + 14], image.classes)

    assert (find_anchor(image) is not None) is found


def test_a_last_body_that_is_a_part_of_s1_is_given_to_it_and_nothing_shifts() -> None:
    settled = junction(torn(13))

    naming = name_bodies(settled.instances, settled.anchor, 4.0, doubt=settled.doubt)

    assert naming.how == COUNTED
    assert naming.levels == (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
    assert settled.anchor is not None
    assert settled.anchor.mask[1, 8 + 5 * PITCH + 4, 40]


def test_a_whole_last_body_that_may_be_l5_or_s1_takes_every_name_and_raises_the_finding() -> None:
    settled = junction(torn(24))

    naming = name_bodies(settled.instances, settled.anchor, 4.0, doubt=settled.doubt)

    assert naming.how == DOUBTED
    assert set(naming.levels) == {None}
    assert [reason.code for reason in naming.reasons] == [ReasonCode.NUMBERING_AMBIGUOUS, ReasonCode.TRANSITIONAL]


@pytest.mark.parametrize(("front", "doubted"), [(25, False), (30, False), (42, True)])
def test_a_last_body_with_the_wedge_of_s1_takes_every_name(front: int, doubted: bool) -> None:
    settled = junction(outlined_as_l5(front))

    naming = name_bodies(settled.instances, settled.anchor, 4.0, doubt=settled.doubt)

    assert (naming.how == DOUBTED) is doubted
    assert (naming.levels[-1] is None) is doubted


def test_a_piece_of_the_last_body_that_is_no_wedge_is_not_given_to_s1() -> None:
    settled = junction(torn(13, wedge=False))

    assert settled.doubt
    assert len(settled.instances.bodies) == 6


def test_a_body_above_a_plain_s1_stays_as_it_is() -> None:
    image = maps()

    settled = junction(image)

    assert settled.doubt == ""
    assert len(settled.instances.bodies) == 5
    assert np.array_equal(settled.anchor.mask, find_anchor(image).mask)


DISC = CLASSES.index("disc")


def with_a_disc_below(columns: int = 35) -> Maps:
    """A square S1 above a disc of so many columns, sacrum below and behind."""
    image = maps()
    rows = slice(S1_TOP + BODY, S1_TOP + BODY + 6)
    image.channels[:, : len(CLASSES), rows, 25:60] = 0
    image.channels[:, DISC, rows, 25 : 25 + columns] = 0.95
    return image


def test_an_s1_formed_as_a_lumbar_body_with_a_disc_below_it_raises_the_finding_and_keeps_the_names() -> None:
    image = with_a_disc_below()
    settled = junction(image)
    counted = name_bodies(settled.instances, settled.anchor, 4.0)

    naming = with_squared_s1(counted)

    assert is_squared(image, settled)
    assert naming.levels == counted.levels
    assert naming.levels[-1] is Level.L5
    assert [reason.code for reason in naming.reasons] == [ReasonCode.LEVELS_ASSUMED, ReasonCode.TRANSITIONAL]
    assert "5 lumbar vertebrae counted above it, 6 with it" in naming.reasons[-1].detail
    assert with_squared_s1(Naming((None,), UNKNOWN, ())).reasons == ()


def test_an_s1_with_a_wedge_without_a_disc_or_cut_by_the_edge_raises_nothing() -> None:
    wedge = with_a_disc_below()
    shallow(wedge, slice(S1_TOP + 12, S1_TOP + BODY))
    cut = Maps(with_a_disc_below().channels[:, :, : S1_TOP + BODY - 2], CLASSES)
    cut.channels[:, SACRUM, S1_TOP : S1_TOP + BODY, 62:74] = 0.95

    for image in (wedge, with_a_disc_below(columns=0), with_a_disc_below(columns=14), cut):
        settled = junction(image)
        assert settled.anchor is not None
        assert not is_squared(image, settled)
