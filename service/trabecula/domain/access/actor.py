"""The actor of a request: an account, in person or through a token, and what it may do where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trabecula.domain.access.roles import Permission, Role
from trabecula.domain.errors_of.access import PermissionMissing

ALL_SITES = ""
"""The site of a grant that holds everywhere."""


@dataclass(frozen=True, order=True)
class Grant:
    """A role, at one site (a calling AE title) or at all of them."""

    role: Role
    site: str = ALL_SITES

    def __str__(self) -> str:
        """In words, e.g. ``viewer at CT_WEST``."""
        return f"{self.role} at {self.site}" if self.site else str(self.role)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks. ``scopes`` is what a token was limited to; None in person, where nothing but the roles limits."""

    account: str
    grants: frozenset[Grant]
    scopes: frozenset[Permission] | None = None
    token: str = ""
    """The name of the API token through which the account acts; empty in person."""

    @property
    def who(self) -> str:
        """How trails name the actor."""
        return f"{self.account} (token {self.token})" if self.token else self.account

    def sites(self, permission: Permission) -> frozenset[str] | None:
        """Return the sites at which the actor holds a permission: None where it is all of them, empty where none."""
        if self.scopes is not None and permission not in self.scopes:
            return frozenset()
        held = {grant.site for grant in self.grants if permission in grant.role.permissions}
        if ALL_SITES in held:
            return None
        return frozenset(held) if permission.of_a_site else frozenset()

    def may(self, permission: Permission, site: str | None = None) -> bool:
        """Return whether the actor holds a permission: at ``site``, or (None) anywhere at all."""
        sites = self.sites(permission)
        return sites is None or (site in sites if site is not None else bool(sites))

    def demand(self, permission: Permission, site: str | None = None) -> None:
        """Do nothing where ``may`` is true. Raises PermissionMissing."""
        if not self.may(permission, site):
            raise PermissionMissing(f"{permission}" + (f" at {site}" if site else ""))

    def demand_grants(self, grants: Iterable[Grant]) -> None:
        """Do nothing where the actor holds everything that these grants give. Raises PermissionMissing.

        Nobody gives away what they lack: a token limited to ``users:manage`` makes no administrator.
        """
        for grant in sorted(grants):
            given = sorted(item for item in grant.role.permissions if item.of_a_site or grant.site == ALL_SITES)
            for permission in given:
                held = self.sites(permission)
                if held is not None and grant.site not in held:
                    raise PermissionMissing(f"{permission}, without which nobody makes another one {grant}")


def grants_of(words: Iterable[str]) -> frozenset[Grant]:
    """Return grants as people write them: ``viewer``, ``coordinator@CT_WEST``. Raises ValueError."""
    found = set()
    for word in words:
        role, _, site = word.strip().partition("@")
        found.add(Grant(Role(role.strip().lower()), site.strip()))
    return frozenset(found)
