"""Activation: one active bundle for each modality, every change on one line of the log, and the way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.scoring.made_bundle import manifest, write_bundle
from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.activation import (
    LOG_NAME,
    STATE_NAME,
    Activation,
    Clearance,
    ModelRole,
    activation_before,
    change_activation,
    read_activation,
)
from trabecula.scoring.bundles import Bundle, load_bundle

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def bundles(tmp_path: Path) -> dict[str, Bundle]:
    made = [manifest("one"), manifest("two"), manifest("mr", SeriesRole.T1W)]
    return {item.model_id: load_bundle(write_bundle(tmp_path / "bundles", item)) for item in made}


def test_one_is_active_for_each_modality_and_challengers_stay(bundles: dict[str, Bundle]) -> None:
    activation = (
        Activation()
        .with_role(bundles["one"], ModelRole.ACTIVE)
        .with_role(bundles["mr"], ModelRole.ACTIVE)
        .with_role(bundles["two"], ModelRole.CHALLENGER)
    )
    roles = {name: activation.role(name) for name in bundles}
    assert roles == {"one": ModelRole.ACTIVE, "two": ModelRole.CHALLENGER, "mr": ModelRole.ACTIVE}

    switched = activation.with_role(bundles["two"], ModelRole.ACTIVE)

    roles = {name: switched.role(name) for name in bundles}
    assert roles == {"one": ModelRole.OFF, "two": ModelRole.ACTIVE, "mr": ModelRole.ACTIVE}
    assert switched.with_role(bundles["mr"], ModelRole.OFF).role("mr") is ModelRole.OFF


def test_changes_are_kept_logged_and_can_be_undone(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    assert read_activation(tmp_path) == Activation()
    first = Activation().with_role(bundles["one"], ModelRole.ACTIVE)
    second = first.with_role(bundles["two"], ModelRole.ACTIVE)

    change_activation(tmp_path, first, "ana", WHEN, "validated")
    change_activation(tmp_path, second, "ben", WHEN, "")

    assert read_activation(tmp_path) == second
    assert activation_before(tmp_path) == first
    lines = [json.loads(line) for line in (tmp_path / LOG_NAME).read_text().splitlines()]
    assert [(line["who"], line["reason"], list(line["before"]), list(line["after"])) for line in lines] == [
        ("ana", "validated", [], ["one"]),
        ("ben", "", ["one"], ["two"]),
    ]
    assert lines[0]["when"] == "2026-01-02T03:04:05+00:00"
    assert lines[1]["after"]["two"]["sha256"] == bundles["two"].sha256


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"version": 2, "models": {}}',
        b'{"version": 1, "models": {"a": {"role": "boss"}}}',
        b"\xff",
    ],
)
def test_a_damaged_state_is_refused_never_guessed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STATE_NAME).write_bytes(content)

    with pytest.raises(BundleInvalid, match=STATE_NAME):
        read_activation(tmp_path)


def test_without_a_change_there_is_nothing_to_roll_back(tmp_path: Path) -> None:
    with pytest.raises(BundleUnknown, match="nothing to roll back"):
        activation_before(tmp_path)
    (tmp_path / LOG_NAME).write_text("no json\n")
    with pytest.raises(BundleInvalid, match=LOG_NAME):
        activation_before(tmp_path)


def test_only_a_recorded_clearance_lets_a_model_decide(bundles: dict[str, Bundle], tmp_path: Path) -> None:
    word = Clearance("dr. a", "2026-11-30T09:00:00+00:00", "report 17: 412 patients")
    shown, deciding = (Activation().with_role(bundles["one"], ModelRole.ACTIVE, given) for given in (None, word))
    change_activation(tmp_path, deciding, "dr. a", WHEN, "")

    assert read_activation(tmp_path).models["one"].clearance == word
    assert shown.models["one"].clearance is None
    assert shown.digests != deciding.digests
    document = json.loads((tmp_path / STATE_NAME).read_text())
    del document["models"]["one"]["clearance"]
    (tmp_path / STATE_NAME).write_text(json.dumps(document))
    assert read_activation(tmp_path) == shown
