"""The command ``trabecula-train``: every command of training, each from its own file under commands/."""

from __future__ import annotations

import typer

from trabecula_training.commands import (
    check,
    demonstration,
    export,
    extract,
    leak_check,
    ledger_cohort,
    phantom_cohort,
    repeat,
    run,
    segmenter,
    template,
)

app = typer.Typer(no_args_is_help=True, help="Train, validate and export Trabecula's models.", add_completion=False)

COMMANDS = (template, check, run, repeat, demonstration, leak_check, export, extract, phantom_cohort, ledger_cohort)

for command in COMMANDS:
    app.add_typer(command.app)
app.add_typer(segmenter.app)


def main() -> None:
    """Run the command line."""
    app()
