"""Failed attempts to sign in, counted over a quarter of an hour, whether the account exists or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select

from trabecula.ledger.access.tables import SignInFailure

WINDOW = timedelta(minutes=15)
_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class RecentFailures:
    """Failures of the last quarter of an hour: of the account from this address, of the account, of the address."""

    here: int
    of_account: int
    of_address: int


def recent_failures(connection: Connection, account: str, address: str) -> RecentFailures:
    """Count what failed lately."""
    recent = SignInFailure.at > func.clock_timestamp() - WINDOW
    of_account, of_address = SignInFailure.account == account, SignInFailure.address == address

    def count(*conditions: object) -> int:
        query = select(func.count()).select_from(SignInFailure).where(recent, *conditions)  # type: ignore[arg-type]
        return int(connection.execute(query).scalar_one())

    return RecentFailures(count(of_account, of_address), count(of_account), count(of_address))


def note_failure(connection: Connection, account: str, address: str) -> None:
    """Note one more failure, and forget those of yesterday."""
    connection.execute(delete(SignInFailure).where(SignInFailure.at < func.clock_timestamp() - _KEPT))
    connection.execute(insert(SignInFailure).values(account=account, address=address))


def forget_failures(connection: Connection, account: str, address: str | None = None) -> int:
    """Forget the failures of an account: after a sign-in those from its address, by an administrator all."""
    statement = delete(SignInFailure).where(SignInFailure.account == account)
    if address is not None:
        statement = statement.where(SignInFailure.address == address)
    return connection.execute(statement).rowcount
