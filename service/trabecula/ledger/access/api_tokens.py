"""API tokens: make, look up, list, revoke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from trabecula.domain.access.account import ApiToken
from trabecula.domain.access.roles import Permission
from trabecula.domain.errors_of.access import TokenUnknown
from trabecula.ledger.access.tables import AccountRow, ApiTokenRow


@dataclass(frozen=True, kw_only=True)
class NewToken:
    """A token to be written."""

    account: str
    name: str
    prefix: str
    token_hash: str
    scopes: frozenset[Permission]
    lifetime: timedelta


def create_token(connection: Connection, new: NewToken) -> ApiToken:
    """Write a token and return it as people see it."""
    row = {
        "account": new.account,
        "name": new.name,
        "prefix": new.prefix,
        "token_hash": new.token_hash,
        "scopes": sorted(str(scope) for scope in new.scopes),
        "expires_at": func.clock_timestamp() + new.lifetime,
    }
    made = connection.execute(insert(ApiTokenRow.__table__).values(row).returning(ApiTokenRow.__table__)).one()  # type: ignore[arg-type]
    return _token(made)


def live_token(connection: Connection, token_hash: str) -> ApiToken | None:
    """Return the token with this hash and note its use; None where it is unknown, revoked, expired or disabled."""
    table = ApiTokenRow.__table__
    query = (
        select(table)
        .join(AccountRow, AccountRow.name == ApiTokenRow.account)
        .where(
            ApiTokenRow.token_hash == token_hash,
            ApiTokenRow.revoked_at.is_(None),
            ApiTokenRow.expires_at > func.clock_timestamp(),
            AccountRow.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    unused = or_(
        ApiTokenRow.last_used_at.is_(None), ApiTokenRow.last_used_at < func.clock_timestamp() - timedelta(minutes=1)
    )
    now = func.clock_timestamp()
    connection.execute(update(ApiTokenRow).where(ApiTokenRow.id == row.id, unused).values(last_used_at=now))
    return _token(row)


def list_tokens(connection: Connection, account: str | None = None) -> list[ApiToken]:
    """Return the tokens of an account or of all, the newest first."""
    query = select(ApiTokenRow.__table__).order_by(ApiTokenRow.id.desc())
    if account is not None:
        query = query.where(ApiTokenRow.account == account)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(connection: Connection, number: int, account: str | None = None) -> ApiToken:
    """Revoke a token (of ``account``, where one is given) and return it. Raises TokenUnknown."""
    condition = [ApiTokenRow.id == number] + ([ApiTokenRow.account == account] if account is not None else [])
    change = (
        update(ApiTokenRow.__table__)  # type: ignore[arg-type]
        .where(*condition)
        .values(revoked_at=func.coalesce(ApiTokenRow.revoked_at, func.clock_timestamp()))
        .returning(ApiTokenRow.__table__)
    )
    row = connection.execute(change).one_or_none()
    if row is None:
        raise TokenUnknown(str(number))
    return _token(row)


def scopes_of(words: Iterable[str]) -> frozenset[Permission]:
    """Return the scopes that rows hold; one that this version no longer knows opens nothing."""
    known = {str(permission): permission for permission in Permission}
    return frozenset(known[word] for word in words if word in known)


def _token(row: Row[tuple[object, ...]]) -> ApiToken:
    return ApiToken(
        number=row.id,
        account=row.account,
        name=row.name,
        prefix=row.prefix,
        scopes=scopes_of(row.scopes),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
