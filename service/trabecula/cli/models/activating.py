"""``trabecula models activate``: which bundle speaks, and who said so."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from trabecula.bootstrap.keeping.recording import recorded
from trabecula.cli.models.installed import roots_of, trust_of
from trabecula.cli.output import (
    EXIT_USAGE,
    console,
    error_console,
    errors_as_exit_code,
    print_json,
    print_table,
)
from trabecula.cli.study_options import AsJson, operator
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.scoring.activation import (
    Activated,
    Activation,
    Clearance,
    ModelRole,
    activation_before,
    change_activation,
    read_activation,
)
from trabecula.scoring.recalled import read_recalled
from trabecula.scoring.using import InstalledBundles, WantedRole, doubts, rolled_back, with_role
from trabecula.settings import load_settings


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
    despite_recall: Annotated[
        bool, typer.Option("--despite-recall", help="Although this site has recalled it; say why with --reason.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give a verified bundle its role; the next analysis uses it.

    Every change is logged with who and when. A score is shown and changes no category unless the site
    says so: --decides with its --validation.
    """
    if roll_back == bool(model_id):
        error_console.print("Name a bundle, or give --roll-back alone.", style="bold red")
        raise typer.Exit(EXIT_USAGE)
    if despite_recall and not reason.strip():
        error_console.print("--despite-recall goes with --reason.", style="bold red")
        raise typer.Exit(EXIT_USAGE)
    moment = datetime.now(UTC).replace(microsecond=0)
    with errors_as_exit_code():
        settings = load_settings()
        installed = InstalledBundles(
            roots=roots_of(settings), trust=trust_of(settings), recalled=read_recalled(settings.data_dir)
        )
        if roll_back:
            after = rolled_back(installed, activation_before(settings.data_dir))
        else:
            wanted = WantedRole(
                model_id=model_id,
                role=role,
                clearance=Clearance(getpass.getuser(), moment.isoformat(), validation.strip()) if decides else None,
                despite_verdict=despite_verdict,
                despite_recall=despite_recall,
            )
            after = with_role(installed, read_activation(settings.data_dir), wanted)
        why = reason or ("roll-back" if roll_back else "")
        done = entry_of(AuditAction.MODEL_ACTIVATED, operator(), subject=model_id or "(roll-back)", detail=str(role))
        with recorded(settings, done):
            change_activation(settings.data_dir, after, getpass.getuser(), moment, why)
        doubtful = doubts(installed, after)
    _tell_used(after, doubtful, as_json)


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
