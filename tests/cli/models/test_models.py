"""``trabecula models``: what is installed, whether it is sound, and who speaks, through the real command."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.scoring.keys import signed, site_key
from tests.scoring.made_bundle import manifest, write_bundle
from trabecula.cli.main import app
from trabecula.data.bundle_location import find_bundles_root
from trabecula.domain.models.bundle import SIGNATURE_NAME
from trabecula.domain.models.validation import ModelVerdict, Validation
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.activation import LOG_NAME, STATE_NAME
from trabecula.scoring.recalled import FILE_NAME, RecalledMaker, note_recalled
from trabecula.scoring.trust import PRIVATE_KEY_NAME, PUBLIC_KEY_NAME, shipped_digests


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRABECULA_BUNDLES_DIR", str(tmp_path / "bundles"))
    private, public = site_key(tmp_path / "keys")
    monkeypatch.setenv("TRABECULA_BUNDLE_KEYS", public)
    for made in (manifest("one"), manifest("two"), manifest("mr", SeriesRole.T1W)):
        signed(write_bundle(tmp_path / "bundles", made), private)
    return tmp_path / "bundles"


def models(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["models", *arguments])


def as_json(*arguments: str) -> Any:
    result = models(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def roles() -> dict[str, str]:
    """The roles of the site's own bundles; those that ship stand in the list, too."""
    return {row["model"]: row["role"] for row in as_json("list") if row["model"] not in shipped_digests()}


def test_activating_takes_the_place_of_the_other_and_can_be_undone(bundles: Path) -> None:
    assert roles() == {"mr": "off", "one": "off", "two": "off"}

    as_json("activate", "one", "--reason", "validated at our site")
    as_json("activate", "mr", "--role", "challenger")
    assert roles() == {"mr": "challenger", "one": "active", "two": "off"}
    as_json("activate", "two")
    assert roles() == {"mr": "challenger", "one": "off", "two": "active"}

    used = as_json("activate", "--roll-back")["in_use"]

    assert {row["model"]: row["role"] for row in used} == {"mr": "challenger", "one": "active"}
    assert roles()["two"] == "off"
    as_json("activate", "one", "--role", "off")
    assert roles() == {"mr": "challenger", "one": "off", "two": "off"}
    lines = [json.loads(line) for line in (bundles.parent / "data" / LOG_NAME).read_text().splitlines()]
    assert [line["reason"] for line in lines] == ["validated at our site", "", "", "roll-back", ""]
    assert all(line["who"] and line["when"] for line in lines)


def test_verify_names_what_is_wrong_and_fails(bundles: Path) -> None:
    assert as_json("verify")["ok"]
    assert {row["model"] for row in as_json("verify")["bundles"]} == {"one", "two", "mr", *shipped_digests()}
    (bundles / "two" / "model.onnx").write_bytes(b"x")

    result = models("verify", "--json")

    assert result.exit_code == 1
    checks = {row["model"]: row for row in json.loads(result.stdout)["bundles"]}
    assert checks["one"]["ok"]
    wrong = {"model": "two", "ok": False, "code": "BUNDLE_INVALID", "detail": "model.onnx of two was changed"}
    assert checks["two"] == wrong
    assert checks["one"]["detail"].startswith("signed, 2 files, no check vectors, sha256 ")
    assert checks["xue2022-demo-1.0.0"]["detail"].startswith("shipped, ")
    assert models("verify", "one").exit_code == 0


def test_people_see_demonstration_and_refusals(bundles: Path) -> None:
    as_json("activate", "two")
    (bundles / "one" / "CARD.md").unlink()
    (bundles / "two").rename(bundles.parent / "gone")

    rows = {row["model"]: row for row in as_json("list")}

    assert rows["mr"]["note"] == "demonstration: trained on phantoms"
    assert rows["one"]["note"] == "REFUSED: CARD.md of one is missing or unreadable"
    assert (rows["two"]["role"], rows["two"]["note"]) == ("active", "MISSING")
    assert "MISSING" in models("list").stdout


def test_a_bundle_that_is_not_sound_is_never_activated(bundles: Path) -> None:
    (bundles / "one" / "model.onnx").write_bytes(b"x")

    refused, unknown, idle = (
        models("activate", "one"),
        models("activate", "three"),
        models("activate", "two", "--role", "off"),
    )

    assert (refused.exit_code, unknown.exit_code, idle.exit_code) == (2, 2, 2)
    assert "BUNDLE_INVALID" in refused.stderr
    assert "BUNDLE_UNKNOWN" in unknown.stderr
    assert not (bundles.parent / "data" / STATE_NAME).exists()
    assert models("activate").exit_code == 2
    assert models("activate", "two", "--roll-back").exit_code == 2
    assert "BUNDLE_UNKNOWN" in models("activate", "--roll-back").stderr


def test_a_roll_back_to_a_bundle_that_changed_is_refused(bundles: Path) -> None:
    as_json("activate", "one")
    as_json("activate", "two")
    (bundles / "one" / "CARD.md").write_text("other")

    assert "BUNDLE_INVALID" in models("activate", "--roll-back").stderr
    assert roles()["two"] == "active"


def test_a_sites_own_bundles_stand_beside_the_shipped_ones(bundles: Path) -> None:
    shutil.copytree(find_bundles_root() / "xue2022-demo-1.0.0", bundles / "radscore-demo-1.0.0")

    rows = as_json("list")

    named = [row["model"] for row in rows]
    assert set(named) == {"one", "two", "mr", *shipped_digests()}
    notes = [row["note"] for row in rows if row["model"] == "radscore-demo-1.0.0"]
    assert notes[0] == "demonstration: trained on phantoms"
    assert "has the name of a bundle that ships" in notes[1]
    assert as_json("activate", "xue2022-demo-1.0.0")["in_use"][0]["decides"] == "no"


def test_a_bundle_that_nobody_signed_is_never_activated(bundles: Path) -> None:
    (bundles / "one" / SIGNATURE_NAME).unlink()

    refused = models("activate", "one")

    assert refused.exit_code == 2
    assert "BUNDLE_UNTRUSTED" in refused.stderr
    assert "one is not signed" in refused.stderr
    assert not (bundles.parent / "data" / STATE_NAME).exists()
    checks = {row["model"]: row for row in json.loads(models("verify", "--json").stdout)["bundles"]}
    assert checks["one"]["code"] == "BUNDLE_UNTRUSTED"
    signing = models("sign", "one", "--key", str(bundles.parent / "keys" / PRIVATE_KEY_NAME))
    assert signing.exit_code == 0, signing.output
    assert "does not stand in bundle_keys" not in signing.output
    as_json("activate", "one")


def test_a_key_is_made_with_the_line_for_the_settings(bundles: Path, tmp_path: Path) -> None:
    made = models("make-key", str(tmp_path / "new"))

    assert made.exit_code == 0, made.output
    public = (tmp_path / "new" / PUBLIC_KEY_NAME).read_text().strip()
    assert f'bundle_keys = ["{public}"]' in made.stdout
    other = models("sign", "one", "--key", str(tmp_path / "new" / PRIVATE_KEY_NAME))
    assert "does not stand in bundle_keys yet" in other.stdout
    assert "SIGNING_KEY_UNUSABLE" in models("make-key", str(tmp_path / "new")).stderr


@pytest.fixture
def ours(bundles: Path) -> Path:
    """A bundle of patients whose validation supports it, and one whose validation does not."""
    private = bundles.parent / "keys" / PRIVATE_KEY_NAME
    for name, verdict in (("good", ModelVerdict.SUPPORTED), ("noise", ModelVerdict.NO)):
        made = manifest(name, demonstration=False)
        doubted = Validation(verdict, ("Better than chance: no. AUC 0.46 (0.28 to 0.64) on patients held out.",))
        signed(
            write_bundle(bundles, replace(made, endpoints=(replace(made.endpoints[0], validation=doubted),))), private
        )
    return bundles


def test_a_model_decides_only_by_the_sites_recorded_word(ours: Path) -> None:
    assert as_json("activate", "good")["in_use"][0]["decides"] == "no"
    unfounded = models("activate", "good", "--decides")
    assert unfounded.exit_code == 2
    assert "MODEL_MAY_NOT_DECIDE" in unfounded.stderr
    assert "no validation of good at this site is named" in unfounded.stderr

    used = as_json("activate", "good", "--decides", "--validation", "report 17")

    assert used["in_use"][0]["decides"].startswith("yes, by ")
    assert used["in_use"][0]["decides"].endswith(": report 17")
    assert used["not_supported"] == {}
    log = [json.loads(line) for line in (ours.parent / "data" / LOG_NAME).read_text().splitlines()]
    assert log[0]["after"]["good"]["clearance"] is None
    assert set(log[1]["after"]["good"]["clearance"]) == {"who", "when", "validation"}
    assert "silent challenger" in models("activate", "good", "--role", "challenger", "--decides").stderr
    assert "digital phantoms" in models("activate", "one", "--decides", "--validation", "x").stderr


def test_a_model_whose_verdict_is_no_says_so_and_does_not_decide_by_itself(ours: Path) -> None:
    shown = models("activate", "noise")
    assert shown.exit_code == 0
    assert "noise is NOT SUPPORTED BY ITS OWN VALIDATION" in shown.stderr
    assert "AUC 0.46" in shown.stderr
    assert {row["model"]: row["verdict"] for row in as_json("list")}["noise"] == "no"

    refused = models("activate", "noise", "--decides", "--validation", "report 17")
    assert refused.exit_code == 2
    assert "the verdict of noise is no: Better than chance: no. AUC 0.46" in refused.stderr

    allowed = as_json("activate", "noise", "--decides", "--validation", "report 17", "--despite-verdict")
    assert "noise" in allowed["not_supported"]


def test_switching_the_last_model_off_says_that_none_speaks(bundles: Path) -> None:
    as_json("activate", "one")

    assert "No model is in use" in models("activate", "one", "--role", "off").stdout


def test_a_recalled_model_is_not_taken_into_use_again_without_a_word(bundles: Path) -> None:
    data = bundles.parent / "data"
    as_json("activate", "one")
    as_json("activate", "two")
    recalled = RecalledMaker(maker="model", name="one", who="chief", when="2026-11-30T10:00:00+00:00", reason="drift")
    note_recalled(data, recalled)

    for refused in (models("activate", "one"), models("activate", "--roll-back")):
        assert refused.exit_code == 2
        assert "MODEL_RECALLED" in refused.stderr
        assert "one, by chief 2026-11-30T10:00:00+00:00: drift" in refused.stderr
    assert models("activate", "one", "--despite-recall").exit_code == 2  # without a reason

    as_json("activate", "one", "--despite-recall", "--reason", "retrained data were not concerned")
    assert roles()["one"] == "active"
    assert roles()["two"] == "off"
    (data / FILE_NAME).write_text("{")
    assert "recalled.jsonl is not readable" in models("activate", "two").stderr


def test_a_bundle_is_recalled_by_the_first_digits_of_its_digest(bundles: Path) -> None:
    bundle = next(item for item in as_json("verify")["bundles"] if item["model"] == "one")
    digits = bundle["detail"].rpartition("sha256 ")[2][:12].upper()
    note_recalled(
        bundles.parent / "data",
        RecalledMaker(maker="bundle", name=digits, who="chief", when="2026-11-30T10:00:00+00:00", reason="drift"),
    )

    assert "MODEL_RECALLED" in models("activate", "one").stderr
    assert models("activate", "two").exit_code == 0
