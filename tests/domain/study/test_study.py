from __future__ import annotations

import pytest

from trabecula.domain.errors import TransitionRefused
from trabecula.domain.study.study import TRANSITIONS, StudyState, check_transition


def test_every_state_has_a_row_and_every_state_can_be_reached() -> None:
    reached = {target for targets in TRANSITIONS.values() for target in targets}

    assert set(TRANSITIONS) == set(StudyState)
    assert reached == set(StudyState)


def test_no_state_leads_to_itself() -> None:
    assert all(state not in targets for state, targets in TRANSITIONS.items())


@pytest.mark.parametrize("state", [state for state in StudyState if state is not StudyState.RECEIVING])
def test_a_late_image_reopens_a_study_in_any_state(state: StudyState) -> None:
    check_transition(state, StudyState.RECEIVING)

    assert StudyState.RECEIVING in TRANSITIONS[state]


def test_a_refused_transition_names_both_states() -> None:
    with pytest.raises(TransitionRefused) as caught:
        check_transition(StudyState.RECEIVING, StudyState.DELIVERING)

    assert caught.value.code == "TRANSITION_REFUSED"
    assert "RECEIVING does not lead to DELIVERING" in caught.value.sentence
    assert "studies show" in caught.value.next_step
