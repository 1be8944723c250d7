from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pipeline.test_chain import receive, settle
from tests.pipeline.world import STUDY, World
from trabecula.domain.delivery import DeliveryState, SendOutcome
from trabecula.domain.errors import (
    AttemptsExhausted,
    CommitmentMissing,
    DeliveryDeferred,
    DeliveryRefused,
    DestinationUnknown,
    DestinationUnreachable,
    SopClassRefused,
)
from trabecula.domain.study.jobs import Stage
from trabecula.pipeline import commitment_answered, retry_study
from trabecula.pipeline.delivering import delivery_state


@pytest.fixture
def ready(world: World) -> World:
    """A study whose objects wait for both destinations."""
    receive(world, 1)
    settle(world)
    world.run_next(Stage.ANALYSE)
    world.run_next(Stage.REPORT)
    return world


def deliveries(world: World, column: str) -> dict[str, object]:
    rows = world.rows(f"SELECT destination || ' ' || kind, {column} FROM object_deliveries")
    return dict(rows)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (0x0000, DeliveryState.SENT),
        (0xB000, DeliveryState.SENT),
        (0xB007, DeliveryState.SENT),
        (0x0111, DeliveryState.SENT),
        (0xA700, DeliveryState.PENDING),
        (0x0110, DeliveryState.PENDING),
        (0x0213, DeliveryState.PENDING),
        (0xA900, DeliveryState.REFUSED),
        (0xC000, DeliveryState.REFUSED),
        (0x0122, DeliveryState.REFUSED),
        (0x0124, DeliveryState.REFUSED),
    ],
)
def test_what_a_status_word_means(status: int, state: DeliveryState) -> None:
    assert delivery_state(SendOutcome("1.2", "1.3", status)) is state


def test_one_dead_destination_does_not_hold_up_another(ready: World) -> None:
    ready.sender.errors["pacs"] = DestinationUnreachable("pacs")

    ready.run_next(Stage.DELIVER, "pacs")
    ready.run_next(Stage.DELIVER, "second")

    assert deliveries(ready, "state") == {
        "pacs SR": "PENDING", "pacs SEG": "PENDING", "pacs SC": "PENDING", "second SR": "SENT",
    }  # fmt: skip
    assert deliveries(ready, "error_code")["pacs SR"] == DestinationUnreachable.code
    assert ready.state() == "DELIVERING"
    assert [stage for stage, _pause in ready.waiting()] == ["deliver"]


def test_a_destination_that_stays_dead_fails_the_study_and_a_retry_sends_only_there(ready: World) -> None:
    ready.sender.errors["pacs"] = DestinationUnreachable("pacs")
    ready.run_all()
    assert ready.state() == "FAILED"
    assert deliveries(ready, "state")["second SR"] == "SENT"
    assert set(deliveries(ready, "error_code").values()) == {AttemptsExhausted.code, ""}
    (sentence,) = ready.rows("SELECT failure_sentence FROM studies")
    assert "SR to pacs" in sentence

    ready.sender.errors.clear()
    retry_study(ready.services.open_ledger, STUDY, "tester")
    ready.run_next(Stage.DELIVER)

    assert ready.state() == "DONE"
    assert [name for name, _kind, _uid in ready.sender.sent] == ["second", "pacs", "pacs", "pacs"]


def test_a_refusal_is_kept_with_its_status_word_and_the_other_objects_go_through(ready: World) -> None:
    ready.sender.statuses = {("pacs", "SEG"): 0x0122, ("pacs", "SC"): 0xC000}

    ready.run_all()

    assert deliveries(ready, "state") == {
        "pacs SR": "SENT", "pacs SEG": "REFUSED", "pacs SC": "REFUSED", "second SR": "SENT",
    }  # fmt: skip
    assert deliveries(ready, "status")["pacs SEG"] == 0x0122
    assert deliveries(ready, "error_code")["pacs SEG"] == SopClassRefused.code
    assert deliveries(ready, "error_code")["pacs SC"] == DeliveryRefused.code
    ((code, sentence, step),) = ready.rows("SELECT failure_code, failure_sentence, failure_next_step FROM studies")
    assert code == DeliveryRefused.code
    assert "SEG to pacs: SOP_CLASS_REFUSED (0x0122)" in sentence
    assert "studies retry" in step


def test_a_full_destination_is_tried_again_with_what_it_did_not_take(ready: World) -> None:
    ready.sender.statuses = {("pacs", "SEG"): 0xA700}
    ready.run_next(Stage.DELIVER, "pacs")
    assert deliveries(ready, "error_code")["pacs SEG"] == DeliveryDeferred.code
    assert deliveries(ready, "status")["pacs SEG"] == 0xA700

    ready.sender.statuses = {}
    ready.run_all()

    assert ready.state() == "DONE"
    assert [kind for name, kind, _uid in ready.sender.sent if name == "pacs"] == ["SR", "SEG", "SC", "SEG"]
    assert deliveries(ready, "attempts")["pacs SEG"] == 2


def test_a_destination_that_is_no_longer_configured_is_named(ready: World) -> None:
    ready.services = replace(ready.services, destinations={"second": ready.services.destinations["second"]})

    ready.run_all()

    assert ready.state() == "FAILED"
    ((code, sentence),) = ready.rows("SELECT failure_code, failure_sentence FROM studies")
    assert code == DestinationUnknown.code
    assert "SR to pacs" in sentence
    assert DestinationUnknown("pacs").sentence == "No such destination is configured: pacs."


def test_the_form_that_was_really_sent_is_kept_and_becomes_the_predecessor(ready: World) -> None:
    plain_send = ready.sender.send

    def fall_back(destination, objects):  # type: ignore[no-untyped-def]
        return plain_send(destination, [item.alternatives[0] if item.alternatives else item for item in objects])

    ready.sender.send = fall_back  # type: ignore[method-assign]
    ready.run_all()

    with ready.services.open_ledger() as ledger:
        (predecessor,) = ledger.revisions.predecessors(STUDY, 2)
    assert predecessor.sop_class_uid == "1.3.STRUCTURED_REPORT"
    assert predecessor.analysed_at is not None
    assert deliveries(ready, "sop_class_uid")["pacs SR"] == "1.3.STRUCTURED_REPORT"


def test_a_commitment_answered_later_confirms(ready: World) -> None:
    ready.run_next(Stage.DELIVER, "pacs")
    ready.run_next(Stage.CONFIRM)
    ((transaction_uid, uids),) = ready.requester.asked
    assert deliveries(ready, "commitment")["pacs SR"] == "REQUESTED"
    assert ready.waiting()[-1][1] > 600

    commitment_answered(ready.services.open_ledger, transaction_uid, dict.fromkeys(uids, True))
    ready.run_all()

    assert deliveries(ready, "state")["pacs SR"] == "CONFIRMED"
    assert ready.state() == "DONE"
    assert len(ready.requester.asked) == 1


def test_a_commitment_that_never_comes_is_shown_and_fails_nothing(ready: World) -> None:
    ready.run_all()

    assert ready.state() == "DONE"
    assert deliveries(ready, "commitment")["pacs SEG"] == "MISSING"
    assert deliveries(ready, "error_code")["pacs SEG"] == CommitmentMissing.code
    assert "COMMITMENT_MISSING" in ready.events()
    transaction_uid, uids = ready.requester.asked[0]
    commitment_answered(ready.services.open_ledger, transaction_uid, dict.fromkeys(uids, True))
    assert deliveries(ready, "commitment")["pacs SEG"] == "CONFIRMED"


def test_what_the_destination_says_it_does_not_keep_fails_loudly_and_can_be_sent_again(ready: World) -> None:
    ready.requester.answer = False
    ready.run_all()
    assert ready.state() == "FAILED"
    ((code, sentence, step),) = ready.rows("SELECT failure_code, failure_sentence, failure_next_step FROM studies")
    assert code == CommitmentMissing.code
    assert "SR to pacs" in sentence
    assert step

    ready.requester.answer = True
    retry_study(ready.services.open_ledger, STUDY, "tester")
    ready.run_all()

    assert ready.state() == "DONE"
    assert deliveries(ready, "commitment") == {
        "pacs SR": "CONFIRMED", "pacs SEG": "CONFIRMED", "pacs SC": "CONFIRMED", "second SR": "NONE",
    }  # fmt: skip


def test_an_unreachable_destination_is_asked_for_commitment_again(ready: World) -> None:
    ready.requester.answer = True
    ready.requester.errors = [DestinationUnreachable("pacs")]

    ready.run_all()

    assert deliveries(ready, "commitment")["pacs SR"] == "CONFIRMED"
    assert len({transaction for transaction, _uids in ready.requester.asked}) == 2


def test_an_answer_to_an_unknown_transaction_changes_nothing(ready: World) -> None:
    before = deliveries(ready, "state")

    commitment_answered(ready.services.open_ledger, "1.2.3", {"1.2": True})

    assert deliveries(ready, "state") == before
