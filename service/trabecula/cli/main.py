"""The command ``trabecula``: its groups, put together."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.edge import prepare_process
from trabecula.cli.lazy import CommandPlace, lazy_group
from trabecula.cli.output import print_line
from trabecula.settings_file import CONFIG_VARIABLE
from trabecula.supervised import end_with_supervisor
from trabecula.version import __version__

COMMANDS = {
    "serve": CommandPlace(
        "trabecula.cli.serving.serve:serve",
        "Start the database, the listener and the workers; keep them running until SIGTERM.",
    ),
    "listen": CommandPlace(
        "trabecula.cli.serving.listen:listen", "Receive studies until SIGTERM; then let running transfers end."
    ),
    "register": CommandPlace(
        "trabecula.cli.serving.register:register",
        "Write the rows of what the listener of this host received, until SIGTERM and until nothing is left to write.",
    ),
    "work": CommandPlace(
        "trabecula.cli.serving.work:work",
        "Work on queued jobs until SIGTERM; running jobs are finished or handed back.",
    ),
    "web": CommandPlace(
        "trabecula.cli.serving.web:web", "Answer pages, API and monitors until SIGTERM, as a process of its own."
    ),
    "demo": CommandPlace(
        "trabecula.cli.demo.command:demo",
        "Make a phantom study, send it through the whole service, wait for the report and show it.",
    ),
    "analyse": CommandPlace(
        "trabecula.cli.results.analyse:analyse",
        "Analyse one study from a folder and write its result objects.",
    ),
    "segment": CommandPlace(
        "trabecula.cli.results.segment:segment",
        "Outline and name the vertebral bodies: 19 = T12, 20-24 = L1-L5, 26 = S1, 101 and up if unknown.",
    ),
    "studies": CommandPlace("trabecula.cli.studies.command:app", "Look into the ledger of studies, and act on them."),
    "bulk": CommandPlace(
        "trabecula.cli.bulk.command:app",
        "Something done to every study that filters find; it goes on when the command has ended.",
    ),
    "quarantine": CommandPlace(
        "trabecula.cli.quarantine.command:app", "What was acknowledged but is not used: look, take in, delete."
    ),
    "queue": CommandPlace(
        "trabecula.cli.queue.command:app", "What waits, in which order; pausing and resuming queues and destinations."
    ),
    "retention": CommandPlace(
        "trabecula.cli.retention.command:app", "What rules remove from the disk, and what is held back."
    ),
    "listeners": CommandPlace(
        "trabecula.cli.listeners.command:app", "Who receives, and how far each listener's rows are."
    ),
    "config": CommandPlace("trabecula.cli.config.command:app", "The settings in force, and where each comes from."),
    "database": CommandPlace("trabecula.cli.database.command:app", "Which ledger this is, and who else may read it."),
    "users": CommandPlace(
        "trabecula.cli.users.command:app", "Who may sign in at the desk, with which roles, and who is signed in."
    ),
    "tokens": CommandPlace("trabecula.cli.tokens.command:app", "API tokens: make, list, revoke."),
    "audit": CommandPlace(
        "trabecula.cli.audit.command:app", "Who looked at what and changed what: list, verify, export, the head."
    ),
    "models": CommandPlace("trabecula.cli.models.command:app", "Model bundles: list, verify, activate."),
    "doctor": CommandPlace(
        "trabecula.cli.doctor.command:doctor",
        "Check disk, clock, database, listener, workers, failures, destinations, models, and a phantom end to end.",
    ),
    "explain": CommandPlace(
        "trabecula.cli.explain:explain", "Tell what a code of an error or a reason means, and what to do."
    ),
    "backup": CommandPlace(
        "trabecula.cli.backups.commands:backup",
        "Back up ledger, images, results and journal, also while the service runs.",
    ),
    "restore": CommandPlace(
        "trabecula.cli.backups.commands:restore",
        "Put a backup in place; the service must not run. Files that are here already stay: they may be newer.",
    ),
    "child": CommandPlace(
        "trabecula.cli.serving.child:child",
        "Run one stage for the request in a file; an error is left beside it as error.json, with exit code 3.",
        hidden=True,
    ),
    "children": CommandPlace(
        "trabecula.cli.serving.children:children",
        "Fork a child for each request that comes on the control socket, until it is closed.",
        hidden=True,
    ),
}
"""Every command, in the order of the list of commands."""

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Opportunistic bone-density screening from lumbar CT and MR. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print_line(f"trabecula {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file; before TRABECULA_CONFIG.", show_default=False)
    ] = None,
) -> None:
    """Opportunistic bone-density screening from lumbar CT and MR. Research use only."""
    end_with_supervisor()
    if config is not None:
        os.environ[CONFIG_VARIABLE] = str(config.expanduser().absolute())


def main() -> None:
    """Run the command line."""
    prepare_process()
    typer.main.get_command(app)()
