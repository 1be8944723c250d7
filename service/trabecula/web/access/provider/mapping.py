"""From what a provider says of a person to a name and roles here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trabecula.domain.access.account import account_name
from trabecula.domain.access.actor import Grant
from trabecula.domain.errors_of.access import AccountNameInvalid
from trabecula.domain.errors_of.provider import ProviderAnswerInvalid
from trabecula.web.access.provider.terms import ProviderTerms

_LONGEST_FULL_NAME = 120


@dataclass(frozen=True, kw_only=True)
class ProviderUser:
    """Somebody whom the provider knows. ``subject`` is issuer and sub, which never change; the name may."""

    subject: str
    name: str
    full_name: str
    grants: frozenset[Grant]


def person_of(claims: Mapping[str, Any], terms: ProviderTerms) -> ProviderUser:
    """Return the person of these claims; one with no mapped role has no grants. Raises ProviderAnswerInvalid."""
    told = claim_at(claims, terms.name_claim)
    try:
        name = account_name(told if isinstance(told, str) else "")
    except AccountNameInvalid as error:
        raise ProviderAnswerInvalid(f"the claim {terms.name_claim} holds no name of an account") from error
    full_name = claims.get("name")
    return ProviderUser(
        subject=f"{terms.issuer} {claims['sub']}",
        name=name,
        full_name=full_name.strip()[:_LONGEST_FULL_NAME] if isinstance(full_name, str) else "",
        grants=granted(claim_at(claims, terms.roles_claim), terms.roles),
    )


def granted(told: object, roles: Mapping[str, frozenset[Grant]]) -> frozenset[Grant]:
    """Return the grants of the claim's values: a list of texts, or one text with blanks or commas between them."""
    if isinstance(told, str):
        values = {told, *told.replace(",", " ").split()}
    elif isinstance(told, list):
        values = {value for value in told if isinstance(value, str)}
    else:
        values = set()
    return frozenset().union(*(grants for value, grants in roles.items() if value in values))


def claim_at(claims: Mapping[str, Any], path: str) -> object:
    """Return a claim by its name, or by a path of names with dots (realm_access.roles); None where there is none.

    A claim whose name itself has dots (https://hospital.example/roles) is found first.
    """
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found
