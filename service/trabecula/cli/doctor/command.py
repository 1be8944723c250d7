"""``trabecula doctor``: what works, what does not, and how to mend it."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Annotated

import typer

from trabecula.bootstrap.database import opened_database
from trabecula.cli.doctor.checks import CheckResult, checks_of
from trabecula.cli.doctor.ledger_look import LedgerLook
from trabecula.cli.output import EXIT_FAILURE, console, error_console, errors_as_exit_code, print_json, print_line
from trabecula.domain.errors_of.notification import NobodyTold
from trabecula.domain.notification.messages import message_for_a_test
from trabecula.logs import nothing_logged
from trabecula.settings import Settings, load_settings


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Without the phantom, for monitors that ask often.")] = False,
    send_test_message: Annotated[
        bool, typer.Option("--send-test-message", help="Send a test message to whoever is told of troubles, and stop.")
    ] = False,
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database schema up to date and stop.")] = False,
) -> None:
    """Check disk, clock, database, listener, workers, failures, destinations, models, and a phantom end to end."""
    with errors_as_exit_code():
        settings = load_settings()
        if migrate:
            with opened_database(settings, new=True):
                print_line("the database schema is up to date")
            return
        if send_test_message:
            _send_test_message(settings)
            return
        findings = []
        with nothing_logged(), LedgerLook(settings) as look:
            for check in checks_of(settings, look, quick=quick):
                with error_console.status(f"checking {check.name}"):
                    findings.append(check.find())
                if not as_json:
                    _show(findings[-1])
    if as_json:
        print_json({"ok": all(item.ok for item in findings), "checks": [asdict(item) for item in findings]})
    if not all(item.ok for item in findings):
        raise typer.Exit(EXIT_FAILURE)


def _show(finding: CheckResult) -> None:
    mark = "[green]ok  [/green]" if finding.ok else "[bold red]FAIL[/bold red]"
    console.print(f"{mark} {finding.name:<20} ", end="")
    console.print(finding.detail, markup=False, highlight=False)
    if finding.fix:
        console.print(f"     -> {finding.fix}", markup=False, highlight=False)


def _send_test_message(settings: Settings) -> None:
    """Send one over each channel, at once. Raises NobodyTold, MessageNotSent, SecretUnreadable."""
    from trabecula.bootstrap.monitoring.telling import telling_of

    telling = telling_of(settings)
    if not telling.channels:
        raise NobodyTold
    for name, send in telling.channels.items():
        send(message_for_a_test(telling.site), f"test-{uuid.uuid4().hex}")
        print_line(f"sent: {name.lower()}")
