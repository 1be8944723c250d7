"""``trabecula-train repeat``: a run made again from its own metrics.json, and every figure compared."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from trabecula_training.commands.output import console, errors_as_exit_code, print_json
from trabecula_training.commands.run import RunPlace, run_chosen
from trabecula_training.errors import RepeatRefused
from trabecula_training.reporting.metrics_json import read_document
from trabecula_training.reporting.repeating import TOLERANCE, Departure, departures, figures_in, settings_of

app = typer.Typer()

_SHOWN = 20


@app.command("repeat")
def repeat_command(
    run: Annotated[Path, typer.Argument(help="The folder that `trabecula-train run` wrote.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the repeated run.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
    weights: Annotated[Path | None, typer.Option(help="The weights that a run of networks started from.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what differs as JSON.")] = False,
) -> None:
    """Make a run again from its metrics.json, and compare every figure with it; exit code 1 if one differs.

    On the same machine with the locked software every figure is the same, bit for bit; elsewhere to 1 part in a
    million.
    """
    with errors_as_exit_code(as_json):
        if out.resolve() == run.resolve():
            raise RepeatRefused("--out is the run's own folder")
        before = read_document(run)
        place = RunPlace(
            cohort=_found(run, before, "cohort"),
            out=out,
            made=_found(run, before, "features"),
            command=" ".join(["trabecula-train", *sys.argv[1:]]),
            facts=before.get("facts", {}),
        )
        done = run_chosen(before["recipe"], settings_of(before, workers), place, weights=weights)
        after = json.loads(done.metrics.read_text("utf-8"))
    changed = tuple(departures(before, after))
    other = _other_software(before, after)
    if as_json:
        print_json(
            {
                "figures": figures_in(before),
                "differ": [{**asdict(item), "relative": item.relative} for item in changed],
                "software": other,
            }
        )
    else:
        _tell(figures_in(before), changed, other)
    if any(item.relative > TOLERANCE for item in changed):
        raise typer.Exit(1)


def _found(run: Path, document: Mapping[str, Any], what: str) -> Path:
    """Return the file that a run was made from, as seen from the run's folder. Raises RepeatRefused."""
    path = (run / str(document[what]["path"])).resolve()
    if not path.exists():
        raise RepeatRefused(f"{path} is not there any more")
    return path


def _other_software(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, list[str]]:
    one, two = before.get("software", {}), after.get("software", {})
    return {name: [one.get(name, "-"), two.get(name, "-")] for name in {*one, *two} if one.get(name) != two.get(name)}


def _tell(figures: int, changed: Sequence[Departure], other: Mapping[str, Sequence[str]]) -> None:
    for name, (one, two) in sorted(other.items()):
        console.print(f"{name} was {one}, is {two}", highlight=False)
    if not changed:
        console.print(f"the same: {figures} figures, bit for bit", highlight=False)
        return
    for item in changed[:_SHOWN]:
        console.print(f"{item.place}: {item.before} -> {item.after}", markup=False, highlight=False)
    if len(changed) > _SHOWN:
        console.print(f"... and {len(changed) - _SHOWN} more (--json)", highlight=False)
    beyond = sum(item.relative > TOLERANCE for item in changed)
    console.print(
        f"{len(changed)} of {figures} figures differ, {beyond} of them by more than {TOLERANCE:g}", highlight=False
    )
