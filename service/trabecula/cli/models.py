"""``trabecula models``: the bundles installed here, their verification, and which of them speak."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.output import (
    EXIT_FAILURE,
    EXIT_USAGE,
    console,
    error_console,
    errors_as_exit_code,
    print_json,
    print_table,
)
from trabecula.data.bundle_location import bundle_roots
from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.errors_of.trust import ModelMayNotDecide
from trabecula.domain.models.validation import ModelVerdict
from trabecula.scoring.activation import (
    Activated,
    Activation,
    Clearance,
    ModelRole,
    activation_before,
    change_activation,
    read_activation,
)
from trabecula.scoring.bundles import Bundle, FoundBundle, bundle_named, find_bundles
from trabecula.scoring.scorers import check_runs
from trabecula.scoring.trust import PRIVATE_KEY_NAME, Trust, make_key, sign_bundle, site_trust
from trabecula.settings import Settings, load_settings

app = typer.Typer(help="Model bundles: list, verify, activate.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the installed bundles and what each is used for."""
    with errors_as_exit_code():
        settings = load_settings()
        activation = read_activation(settings.data_dir)
        rows = _rows(find_bundles(_roots(settings)), activation, _trust(settings))
    if as_json:
        print_json(rows)
        return
    if not rows:
        _tell_none(_roots(settings))
        return
    columns = ("model", "version", "modality", "role", "decides", "kind", "verdict", "note")
    print_table("", columns, [[row[name] for name in columns] for row in rows])


@app.command("verify")
def verify(
    model_id: Annotated[str, typer.Argument(help="One bundle; default all.")] = "", as_json: Json = False
) -> None:
    """Check every file of the bundles against their manifests, whether they ship or are signed, and that their graphs
    answer as they should; exit code 1 if one fails."""
    with errors_as_exit_code():
        settings = load_settings()
        found = [item for item in find_bundles(_roots(settings)) if model_id in ("", item.model_id)]
        if model_id and not found:
            raise BundleUnknown(model_id)
        checks = [_checked(item, _trust(settings)) for item in found]
    if as_json:
        print_json({"ok": all(row["ok"] for row in checks), "bundles": checks})
    elif not checks:
        _tell_none(_roots(settings))
    else:
        print_table(
            "",
            ("model", "", "detail"),
            [(row["model"], "ok" if row["ok"] else "REFUSED", row["detail"]) for row in checks],
        )
    if not all(row["ok"] for row in checks):
        raise typer.Exit(EXIT_FAILURE)


@app.command("activate")
def activate(
    model_id: Annotated[str, typer.Argument(help="The bundle; none with --roll-back.")] = "",
    role: Annotated[
        ModelRole, typer.Option(help="active replaces the active one of its modality; challenger is silent.")
    ] = ModelRole.ACTIVE,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="Return to the models before the last change.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; kept in the log.")] = "",
    decides: Annotated[
        bool, typer.Option("--decides", help="Let it set the category where the measurement leaves it open.")
    ] = False,
    validation: Annotated[
        str, typer.Option(help="With --decides: the site's validation that this rests on, e.g. a report's number.")
    ] = "",
    despite_verdict: Annotated[
        bool, typer.Option("--despite-verdict", help="With --decides: although the model's own validation says no.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a verified bundle its role; the next analysis uses it. Every change is logged with who and when.

    A score is shown and changes no category unless the site says so: --decides with its --validation.
    """
    if roll_back == bool(model_id):
        error_console.print("Name a bundle, or give --roll-back alone.", style="bold red")
        raise typer.Exit(EXIT_USAGE)
    moment = datetime.now(UTC).replace(microsecond=0)
    with errors_as_exit_code():
        settings = load_settings()
        before = read_activation(settings.data_dir)
        if roll_back:
            after = _rolled_back(settings)
        else:
            wanted = Clearance(getpass.getuser(), moment.isoformat(), validation.strip()) if decides else None
            after = _changed(settings, before, model_id, role, _Wish(wanted, despite_verdict))
        why = reason or ("roll-back" if roll_back else "")
        change_activation(settings.data_dir, after, getpass.getuser(), moment, why)
        doubts = _doubts(settings, after)
    _tell_used(after, doubts, as_json)


@app.command("make-key")
def make_key_command(
    folder: Annotated[Path, typer.Argument(help="Where the key pair goes; keep the private part off the service.")],
) -> None:
    """Make the key pair with which a site signs its own bundles, and print the line for the settings."""
    with errors_as_exit_code():
        public = make_key(folder)
    console.print(
        f"{folder / PRIVATE_KEY_NAME}: keep it where models are trained, and nowhere else.\n"
        f'Pin the public part in the settings:\nbundle_keys = ["{public}"]',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


@app.command("sign")
def sign_command(
    model_id: Annotated[str, typer.Argument(help="A bundle in bundles_dir.")],
    key: Annotated[Path, typer.Option(help="The private key that `models make-key` wrote.")],
) -> None:
    """Sign a bundle of this site, after checking that it is whole and that its graph answers."""
    with errors_as_exit_code():
        settings = load_settings()
        bundle = bundle_named(_roots(settings), model_id)
        check_runs(bundle)
        public = sign_bundle(bundle, key)
    known = public in settings.bundle_keys
    console.print(f"{model_id} is signed by {public}.", markup=False, highlight=False, soft_wrap=True)
    if not known:
        console.print("That key does not stand in bundle_keys yet.", highlight=False)


@dataclass(frozen=True)
class _Wish:
    """What the command asks for: a clearance, and whether the model's own verdict is overruled."""

    clearance: Clearance | None
    despite_verdict: bool


def _doubts(settings: Settings, activation: Activation) -> dict[str, tuple[str, ...]]:
    """Why the models in use are not supported by their own validation, by model id; empty where they are."""
    found = {item.model_id: item.bundle for item in find_bundles(_roots(settings)) if item.bundle is not None}
    named = {name: found[name] for name in activation.models if name in found}
    return {name: against for name, bundle in named.items() if (against := _against(bundle))}


def _against(bundle: Bundle) -> tuple[str, ...]:
    """What the validation of a bundle whose verdict is no found against it."""
    if bundle.manifest.verdict is not ModelVerdict.NO:
        return ()
    told = [line for item in bundle.manifest.endpoints if item.validation for line in item.validation.findings]
    return tuple(line for line in told if ": no" in line or "not shown" in line) or ("its verdict is no",)


def _tell_used(after: Activation, doubts: dict[str, tuple[str, ...]], as_json: bool) -> None:
    used = [_used_row(name, item) for name, item in after.models.items()]
    if as_json:
        print_json({"in_use": used, "not_supported": {name: list(lines) for name, lines in doubts.items()}})
        return
    if not used:
        console.print("No model is in use from the next analysis on; studies are measured without a score.")
        return
    columns = ("model", "role", "modality", "decides")
    print_table("In use from the next analysis on", columns, [list(row.values()) for row in used])
    for name, lines in doubts.items():
        error_console.print(f"{name} is NOT SUPPORTED BY ITS OWN VALIDATION:", style="bold red", highlight=False)
        for line in lines:
            error_console.print(f"  {line}", markup=False, highlight=False)


def _used_row(name: str, item: Activated) -> dict[str, str]:
    decides = (
        f"yes, by {item.clearance.who} {item.clearance.when}: {item.clearance.validation}" if item.clearance else "no"
    )
    return {"model": name, "role": item.role.value, "modality": item.modality.value, "decides": decides}


def _tell_none(roots: Sequence[Path]) -> None:
    """Say that there is no bundle, and what to do; that is no failure: the service measures without one."""
    console.print(
        f"No model bundle is installed in {', '.join(map(str, roots))}; studies are measured and reported without a "
        "score.\n  Export one with `trabecula-train export` (docs/recipes.md), or point bundles_dir to yours; "
        "then `trabecula models activate MODEL`.",
        markup=False,
        highlight=False,
    )


def _changed(settings: Settings, before: Activation, model_id: str, role: ModelRole, wish: _Wish) -> Activation:
    if role is ModelRole.OFF:
        if model_id not in before.models:
            raise BundleUnknown(f"{model_id} is not in use")
        return before.without(model_id)
    bundle = bundle_named(_roots(settings), model_id)
    _trust(settings).provenance(bundle)
    check_runs(bundle)
    if wish.clearance is not None:
        _demand_may_decide(bundle, role, wish.clearance, wish.despite_verdict)
    return before.with_role(bundle, role, wish.clearance)


def _demand_may_decide(bundle: Bundle, role: ModelRole, clearance: Clearance, despite_verdict: bool) -> None:
    """Raise ModelMayNotDecide where a site cannot let this bundle set a category."""
    name = bundle.manifest.model_id
    if bundle.manifest.demonstration or bundle.manifest.population.n_phantoms:
        raise ModelMayNotDecide(f"{name} was trained on digital phantoms")
    if role is not ModelRole.ACTIVE:
        raise ModelMayNotDecide(f"{name} would be a silent {role}")
    if not clearance.validation:
        raise ModelMayNotDecide(f"no validation of {name} at this site is named")
    if bundle.manifest.verdict is ModelVerdict.NO and not despite_verdict:
        raise ModelMayNotDecide(f"the verdict of {name} is no: {' '.join(_against(bundle))}")


def _rolled_back(settings: Settings) -> Activation:
    """The former state, after verifying that its bundles are still the ones that were in use."""
    former = activation_before(settings.data_dir)
    for model_id, item in former.models.items():
        bundle = bundle_named(_roots(settings), model_id)
        _trust(settings).provenance(bundle)
        if bundle.sha256 != item.sha256:
            raise BundleInvalid(f"{model_id} is not the bundle that was activated")
    return former


def _roots(settings: Settings) -> tuple[Path, ...]:
    return bundle_roots(settings.bundles_dir)


def _trust(settings: Settings) -> Trust:
    return site_trust(settings.bundle_keys)


def _rows(found: tuple[FoundBundle, ...], activation: Activation, trust: Trust) -> list[dict[str, str]]:
    rows = []
    for item in found:
        manifest = item.bundle.manifest if item.bundle else None
        rows.append(
            {
                "model": item.model_id,
                "version": manifest.version if manifest else "",
                "modality": item.bundle.modality.value if item.bundle else "",
                "role": activation.role(item.model_id).value,
                "decides": _decides(activation, item.model_id),
                "kind": manifest.kind.value if manifest else "",
                "verdict": manifest.verdict.value if manifest else "",
                "note": _note(item, trust),
            }
        )
    absent = sorted(set(activation.models) - {item.model_id for item in found})
    rows += [
        {
            "model": name,
            "version": "",
            "modality": "",
            "role": activation.role(name).value,
            "decides": _decides(activation, name),
            "kind": "",
            "verdict": "",
            "note": "MISSING",
        }
        for name in absent
    ]
    return rows


def _decides(activation: Activation, model_id: str) -> str:
    used = activation.models.get(model_id)
    return "yes" if used is not None and used.clearance is not None else "no"


def _note(item: FoundBundle, trust: Trust) -> str:
    if item.bundle is None:
        return f"REFUSED: {item.error.detail if item.error else ''}"
    try:
        trust.provenance(item.bundle)
    except BundleInvalid as error:
        return f"REFUSED: {error.detail}"
    return "demonstration: trained on phantoms" if item.bundle.manifest.demonstration else ""


def _checked(item: FoundBundle, trust: Trust) -> dict[str, object]:
    if item.bundle is None:
        error = item.error or BundleInvalid("")
        return {"model": item.model_id, "ok": False, "code": error.code, "detail": error.detail}
    try:
        check_runs(item.bundle)
        provenance = trust.provenance(item.bundle)
    except BundleInvalid as error:
        return {"model": item.model_id, "ok": False, "code": error.code, "detail": error.detail}
    manifest = item.bundle.manifest
    vectors = f"{len(manifest.check_vectors)} check vectors" if manifest.check_vectors else "no check vectors"
    told = f"{provenance}, {len(manifest.files)} files, {vectors}, sha256 {item.bundle.sha256}"
    return {"model": item.model_id, "ok": True, "code": "", "detail": told}
