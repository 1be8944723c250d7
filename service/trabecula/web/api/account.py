"""One's own account: who asks, and one's API tokens. Tokens are made and revoked in person only: a token that leaked
must not be able to make others, or to end those of its owner."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.access.api_tokens import list_tokens, revoke_token
from trabecula.web.access.tokens_made import make_token
from trabecula.web.api.door import Known, SignedIn
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.accounts import Myself, NewTokenWish, TokenList, TokenMade, TokenShown
from trabecula.web.api.shapes.words import Number

router = APIRouter(tags=["account"])


@router.get("/me")
def show_myself(door: Known) -> Myself:
    """Show who asks and what they may do where."""
    actor = door.visitor.actor
    held = {item: actor.sites(item) for item in Permission if actor.may(item)}
    return Myself(
        account=actor.account,
        full_name=door.visitor.account.full_name,
        token=actor.token,
        permissions={item: None if sites is None else sorted(sites) for item, sites in held.items()},
    )


@router.get("/tokens")
def list_own_tokens(door: Known) -> TokenList:
    """List one's own API tokens."""
    with door.opened() as asked:
        found = list_tokens(asked.connection, asked.actor.account)
        return TokenList(tokens=[TokenShown.model_validate(item) for item in found])


@router.post("/tokens", status_code=201)
def create_own_token(door: SignedIn, wish: NewTokenWish) -> TokenMade:
    """Make an API token; the answer shows it this once.

    In person only, with a session. It may at most what its scopes say, and at each use at most what the account may.
    """
    with door.opened() as asked:
        scopes, lifetime = frozenset(wish.scopes), timedelta(days=wish.days)
        token, made = make_token(asked.connection, asked.visitor.account, wish.name, scopes, lifetime)
        asked.audit(AuditAction.TOKEN_CREATED, subject=f"token {made.number} of {asked.actor.account}")
        return TokenMade(token=token, **TokenShown.model_validate(made).model_dump())


@router.delete("/tokens/{number}", responses=refusals(404))
def revoke_own_token(door: SignedIn, number: Number) -> TokenShown:
    """Revoke an API token of one's own.

    In person only, with a session.
    """
    with door.opened() as asked:
        revoked = revoke_token(asked.connection, number, asked.actor.account)
        asked.audit(AuditAction.TOKEN_REVOKED, subject=f"token {number} of {asked.actor.account}")
        return TokenShown.model_validate(revoked)
