"""``trabecula studies reprocess``: what would change, what is left alone, on a phantom that was really processed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.studies.test_command import embedded_database_url, run
from tests.phantom_ledger import phantom_world, process
from tests.pipeline.world import World
from tests.scoring.keys import signed, site_key
from tests.scoring.made_bundle import manifest, write_bundle
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec, PhantomStudy

__all__ = ["embedded_database_url"]

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5)
STRICT = "[attenuation.category]\nsuspected_at_or_below_hu = 20.0\nno_flag_above_hu = 30.0\n"


@pytest.fixture(scope="module")
def phantom() -> PhantomStudy:
    return make_ct_study(CtStudySpec(sample_patient(1, 2, density_l1=60.0), TINY))


@pytest.fixture
def world(
    phantom: PhantomStudy, embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    made = phantom_world(embedded_database_url, tmp_path, [phantom], monkeypatch)
    monkeypatch.setenv("TRABECULA_BUNDLES_DIR", str(tmp_path / "bundles"))
    private, public = site_key(tmp_path / "keys")
    monkeypatch.setenv("TRABECULA_BUNDLE_KEYS", public)
    signed(write_bundle(tmp_path / "bundles", manifest("made")), private)
    process(made)
    yield made
    made.engine.dispose()


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    path = tmp_path / "strict.toml"
    path.write_text(STRICT)
    return path


def as_json(*arguments: str) -> Any:
    answer = run("studies", "reprocess", *arguments, "--json")
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def revisions(world: World) -> list[int]:
    return world.rows("SELECT revision FROM revisions ORDER BY revision")


def test_a_study_is_measured_anew_only_when_something_would_change(
    world: World, phantom: PhantomStudy, strict: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = phantom.study_uid

    same = as_json(uid)
    told = run("studies", "reprocess", uid).stdout
    monkeypatch.setenv("TRABECULA_THRESHOLDS_FILE", str(strict))
    other = as_json(uid)
    process(world)
    again = as_json("--from", "2000-01-01")
    run("models", "activate", "made")
    modelled = as_json(uid)

    assert same == {"study_uid": uid, "outcome": "UNCHANGED", "state": "DONE", "revision": 1}
    assert "its result would be the same (--force measures it anyway)" in told.replace("\n", " ")
    assert (other["outcome"], other["revision"], other["state"]) == ("REPROCESSED", 2, "ANALYSING")
    assert (again["unchanged"], again["reprocessed"], again["studies"][0]["outcome"]) == (1, 0, "UNCHANGED")
    assert (modelled["outcome"], modelled["revision"]) == ("REPROCESSED", 3)
    categories = world.rows("SELECT category FROM revisions ORDER BY revision")
    assert categories[:2] == ["LOW_BONE_DENSITY_SUSPECTED", "NO_FLAG"]

    one = run("studies", "reprocess", uid)
    several = run("studies", "reprocess", "--state", "analysing", "--json")
    run("studies", "cancel", uid)
    forced = as_json(uid, "--force")

    assert (forced["outcome"], forced["revision"]) == ("REPROCESSED", 4)
    assert (one.exit_code, one.stderr.split(":")[0]) == (2, "TRANSITION_REFUSED")
    assert several.exit_code == 1
    assert json.loads(several.stdout)["studies"][0]["code"] == "TRANSITION_REFUSED"


def test_diff_shows_what_a_switch_would_change_and_writes_nothing(
    world: World, phantom: PhantomStudy, strict: Path
) -> None:
    nothing = as_json("--diff", "--category", "LOW_BONE_DENSITY_SUSPECTED")
    switched = as_json(phantom.study_uid, "--diff", "--with-thresholds", str(strict), "--with-model", "made")
    shown = run("studies", "reprocess", phantom.study_uid, "--diff", "--with-thresholds", str(strict))

    assert nothing["summary"] == {
        "studies": 1,
        "changed": 0,
        "unchanged": 1,
        "newly_flagged": 0,
        "no_longer_flagged": 0,
        "other_category": 0,
        "failed": 0,
    }
    (row,) = switched["studies"]
    assert row["category"] == {"before": "LOW_BONE_DENSITY_SUSPECTED", "after": "NO_FLAG"}
    assert [(change["model_id"], change["before"]) for change in row["scores"]] == [("made", None)]
    assert 0 < row["scores"][0]["after"] < 1
    assert row["values"] == []
    assert set(row["versions"]) == {"thresholds_sha256", "models_sha256"}
    assert switched["summary"]["no_longer_flagged"] == 1
    assert re.search(r"category +LOW_BONE_DENSITY_SUSPECTED +NO_FLAG", shown.stdout)
    assert "1 no longer flagged" in shown.stdout
    assert "Nothing was written" in shown.stdout
    assert revisions(world) == [1]
    assert world.state(phantom.study_uid) == "DONE"

    elsewhere = as_json(phantom.study_uid, "--diff", "--with-segmenter", "none", "--workers", "2")
    assert elsewhere["studies"][0]["error"]["code"] == "CONFIGURATION_INVALID"
    assert "unknown segmenter" in elsewhere["studies"][0]["error"]["sentence"]

    next((world.spool / "objects").rglob("*.dcm")).unlink()
    document = as_json("--diff", "--from", "2000-01-01")

    assert document["studies"][0]["error"]["code"] == "SPOOL_OBJECT_MISSING"
    assert document["summary"]["failed"] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--limit", "3"),
        ("1.2.3", "--from", "2026-01-01"),
        ("--from", "2026-01-01", "--with-model", "made"),
    ],
)
def test_what_to_process_must_be_said_in_one_way(arguments: tuple[str, ...]) -> None:
    assert run("studies", "reprocess", *arguments).exit_code == 2
