"""``trabecula models``: the bundles installed here, their verification, and which of them speak."""

from __future__ import annotations

import getpass
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
from trabecula.data.bundle_location import find_bundles_root
from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.scoring.activation import (
    Activation,
    ModelRole,
    activation_before,
    change_activation,
    read_activation,
)
from trabecula.scoring.bundles import FoundBundle, bundle_named, find_bundles
from trabecula.scoring.scorers import check_runs
from trabecula.settings import Settings, load_settings

app = typer.Typer(help="Model bundles: list, verify, activate.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_models(as_json: Json = False) -> None:
    """List the installed bundles and what each is used for."""
    with errors_as_exit_code():
        settings = load_settings()
        activation = read_activation(settings.data_dir)
        rows = _rows(find_bundles(_root(settings)), activation)
    if as_json:
        print_json(rows)
        return
    if not rows:
        _tell_none(_root(settings))
        return
    columns = ("model", "version", "modality", "role", "kind", "note")
    print_table("", columns, [[row[name] for name in columns] for row in rows])


@app.command("verify")
def verify(
    model_id: Annotated[str, typer.Argument(help="One bundle; default all.")] = "", as_json: Json = False
) -> None:
    """Check every file of the bundles against their manifests, and that their graphs run; exit code 1 if one fails."""
    with errors_as_exit_code():
        found = [item for item in find_bundles(_root(load_settings())) if model_id in ("", item.model_id)]
        if model_id and not found:
            raise BundleUnknown(model_id)
        checks = [_checked(item) for item in found]
    if as_json:
        print_json({"ok": all(row["ok"] for row in checks), "bundles": checks})
    elif not checks:
        _tell_none(_root(load_settings()))
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
    as_json: Json = False,
) -> None:
    """Give a verified bundle its role; the next analysis uses it. Every change is logged with who and when."""
    if roll_back == bool(model_id):
        error_console.print("Name a bundle, or give --roll-back alone.", style="bold red")
        raise typer.Exit(EXIT_USAGE)
    with errors_as_exit_code():
        settings = load_settings()
        before = read_activation(settings.data_dir)
        after = _rolled_back(settings) if roll_back else _changed(settings, before, model_id, role)
        why = reason or ("roll-back" if roll_back else "")
        change_activation(settings.data_dir, after, getpass.getuser(), datetime.now(UTC).replace(microsecond=0), why)
    used = [
        {"model": name, "role": item.role.value, "modality": item.modality.value} for name, item in after.models.items()
    ]
    if as_json:
        print_json({"in_use": used})
    elif not used:
        console.print("No model is in use from the next analysis on; studies are measured without a score.")
    else:
        print_table(
            "In use from the next analysis on", ("model", "role", "modality"), [list(row.values()) for row in used]
        )


def _tell_none(root: Path) -> None:
    """Say that there is no bundle, and what to do; that is no failure: the service measures without one."""
    console.print(
        f"No model bundle is installed in {root}; studies are measured and reported without a score.\n"
        "  Export one with `trabecula-train export` (docs/recipes.md), or point bundles_dir to yours; "
        "then `trabecula models activate MODEL`.",
        markup=False,
        highlight=False,
    )


def _changed(settings: Settings, before: Activation, model_id: str, role: ModelRole) -> Activation:
    if role is ModelRole.OFF:
        if model_id not in before.models:
            raise BundleUnknown(f"{model_id} is not in use")
        return before.without(model_id)
    bundle = bundle_named(_root(settings), model_id)
    check_runs(bundle)
    return before.with_role(bundle, role)


def _rolled_back(settings: Settings) -> Activation:
    """The former state, after verifying that its bundles are still the ones that were in use."""
    former = activation_before(settings.data_dir)
    for model_id, item in former.models.items():
        bundle = bundle_named(_root(settings), model_id)
        if bundle.sha256 != item.sha256:
            raise BundleInvalid(f"{model_id} is not the bundle that was activated")
    return former


def _root(settings: Settings) -> Path:
    return settings.bundles_dir or find_bundles_root()


def _rows(found: tuple[FoundBundle, ...], activation: Activation) -> list[dict[str, str]]:
    rows = []
    for item in found:
        manifest = item.bundle.manifest if item.bundle else None
        rows.append(
            {
                "model": item.model_id,
                "version": manifest.version if manifest else "",
                "modality": item.bundle.modality.value if item.bundle else "",
                "role": activation.role(item.model_id).value,
                "kind": manifest.kind.value if manifest else "",
                "note": _note(item),
            }
        )
    absent = sorted(set(activation.models) - {item.model_id for item in found})
    rows += [
        {
            "model": name,
            "version": "",
            "modality": "",
            "role": activation.role(name).value,
            "kind": "",
            "note": "MISSING",
        }
        for name in absent
    ]
    return rows


def _note(item: FoundBundle) -> str:
    if item.bundle is None:
        return f"REFUSED: {item.error.detail if item.error else ''}"
    return "demonstration: trained on phantoms" if item.bundle.manifest.demonstration else ""


def _checked(item: FoundBundle) -> dict[str, object]:
    if item.bundle is None:
        return {"model": item.model_id, "ok": False, "detail": item.error.detail if item.error else ""}
    try:
        check_runs(item.bundle)
    except BundleInvalid as error:
        return {"model": item.model_id, "ok": False, "detail": error.detail}
    return {
        "model": item.model_id,
        "ok": True,
        "detail": f"{len(item.bundle.manifest.files)} files, sha256 {item.bundle.sha256}",
    }
