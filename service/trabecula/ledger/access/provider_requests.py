"""Sign-ins that are on their way to an OpenID provider: begun once, taken back once, forgotten after ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert

from trabecula.ledger.access.tables import ProviderRequest

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """What is kept of a sign-in meanwhile. ``nonce_hash`` is SHA-256 of the nonce; ``target`` where to go on."""

    nonce_hash: str
    code_verifier: str
    target: str


def begin_request(connection: Connection, state_hash: str, outgoing: Outgoing) -> None:
    """Write a sign-in that goes to the provider, and forget those that took too long."""
    connection.execute(delete(ProviderRequest).where(ProviderRequest.at < func.clock_timestamp() - LIFETIME))
    values = {"state_hash": state_hash, "nonce": outgoing.nonce_hash, "code_verifier": outgoing.code_verifier}
    connection.execute(insert(ProviderRequest).values(values | {"target": outgoing.target}))


def take_request(connection: Connection, state_hash: str) -> Outgoing | None:
    """Return the sign-in of this state and forget it: a second answer finds nothing. None where there is none."""
    taken = (
        delete(ProviderRequest)
        .where(ProviderRequest.state_hash == state_hash)
        .returning(
            ProviderRequest.nonce,
            ProviderRequest.code_verifier,
            ProviderRequest.target,
            (ProviderRequest.at >= func.clock_timestamp() - LIFETIME).label("in_time"),
        )
    )
    row = connection.execute(taken).one_or_none()
    if row is None or not row.in_time:
        return None
    return Outgoing(nonce_hash=row.nonce, code_verifier=row.code_verifier, target=row.target)
