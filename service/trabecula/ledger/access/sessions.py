"""Sessions of browsers: begin, look up, list, end. A session ends when it is not used, and in any case at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from trabecula.domain.access.account import Session
from trabecula.domain.errors_of.access import SessionUnknown
from trabecula.ledger.access.tables import AccountRow, WebSession

_TOUCH_SECONDS = 30.0
"""How exactly the last use is known: a page that asks every few seconds must not write a row each time."""


@dataclass(frozen=True)
class SessionLimits:
    """How long a session lives without a request, and at most."""

    idle: timedelta
    longest: timedelta


def begin_session(
    connection: Connection, secret_hash: str, account: str, *, address: str, agent: str, limits: SessionLimits
) -> None:
    """Write a session of an account."""
    now = _now(connection)
    connection.execute(delete(WebSession).where(WebSession.ends_at < now))
    row = {"secret_hash": secret_hash, "account": account, "address": address, "agent": agent[:200]}
    connection.execute(insert(WebSession).values(row | {"ends_at": now + limits.longest}))


def live_session(connection: Connection, secret_hash: str, limits: SessionLimits) -> Session | None:
    """Return the session with this secret and note its use; None where it has ended or the account is disabled."""
    query = (
        select(WebSession.__table__)
        .join(AccountRow, AccountRow.name == WebSession.account)
        .where(WebSession.secret_hash == secret_hash, AccountRow.disabled_at.is_(None))
    )
    row = connection.execute(query).one_or_none()
    now = _now(connection)
    if row is None or now >= row.ends_at or now - row.last_seen_at >= limits.idle:
        return None
    if (now - row.last_seen_at).total_seconds() > _TOUCH_SECONDS:
        connection.execute(update(WebSession).where(WebSession.id == row.id).values(last_seen_at=now))
    return _session(row)


def list_sessions(connection: Connection, limits: SessionLimits, account: str | None = None) -> list[Session]:
    """Return the sessions that live, the last used first; of one account or of all."""
    now = _now(connection)
    query = select(WebSession.__table__).where(WebSession.ends_at > now, WebSession.last_seen_at > now - limits.idle)
    if account is not None:
        query = query.where(WebSession.account == account)
    return [_session(row) for row in connection.execute(query.order_by(WebSession.last_seen_at.desc()))]


def end_session(connection: Connection, number: int, account: str | None = None) -> str:
    """End a session (of ``account``, where one is given) and return whose it was. Raises SessionUnknown."""
    statement = delete(WebSession).where(WebSession.id == number)
    if account is not None:
        statement = statement.where(WebSession.account == account)
    whose = connection.execute(statement.returning(WebSession.account)).scalar_one_or_none()
    if whose is None:
        raise SessionUnknown(str(number))
    return str(whose)


def end_session_of_secret(connection: Connection, secret_hash: str) -> None:
    """End the session with this secret, if there is one: the browser that had it begins another."""
    connection.execute(delete(WebSession).where(WebSession.secret_hash == secret_hash))


def end_sessions_of(connection: Connection, account: str, *, but: int | None = None) -> int:
    """End all sessions of an account, but perhaps one; return how many."""
    statement = delete(WebSession).where(WebSession.account == account)
    if but is not None:
        statement = statement.where(WebSession.id != but)
    return connection.execute(statement).rowcount


def _now(connection: Connection) -> datetime:
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return now


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        number=row.id,
        account=row.account,
        address=row.address,
        agent=row.agent,
        started_at=row.started_at,
        last_seen_at=row.last_seen_at,
        ends_at=row.ends_at,
    )
