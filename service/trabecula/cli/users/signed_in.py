"""``trabecula users sessions`` and ``end-session``: who is signed in, and ending it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.cli.users.options import changing
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.access.sessions import SessionLimits, end_session, list_sessions
from trabecula.ledger.database import database_errors


def sessions(
    account: Annotated[str, typer.Option(help="Only those of this account.")] = "", as_json: AsJson = False
) -> None:
    """List who is signed in."""
    with opened_ledger() as (settings, engine), database_errors(), engine.connect() as connection:
        limits = SessionLimits(
            timedelta(minutes=settings.web_session_idle_minutes), timedelta(hours=settings.web_session_hours)
        )
        found = list_sessions(connection, limits, account.strip().lower() or None)
    if as_json:
        print_json([vars(session) for session in found])
    elif found:
        rows = [
            (each.number, each.account, each.address, f"{each.last_seen_at.astimezone():%Y-%m-%d %H:%M}", each.agent)
            for each in found
        ]
        print_table("", ("number", "account", "from", "last used", "browser"), rows)
    else:
        console.print("nobody is signed in", highlight=False)


def end(number: Annotated[int, typer.Argument(help="Number of the session in `users sessions`.")]) -> None:
    """End a session."""
    with changing() as change:
        whose = end_session(change.connection, number)
        change.audit(AuditAction.SESSION_REVOKED, f"session {number} of {whose}")
    console.print(f"session {number} of {whose} has ended", markup=False, highlight=False)
