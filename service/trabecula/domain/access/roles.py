"""Permissions, one an action, and the three roles that bundle them."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """What somebody may do. The value is the scope of an API token."""

    VIEW_STUDIES = "studies:view"
    EXPORT_STUDIES = "studies:export"
    OPERATE_STUDIES = "studies:operate"
    """Retry, cancel, reprocess, resend, complete, tag."""
    READ_STUDIES = "studies:read"
    """What a reader does: agree, disagree, name the levels."""
    RELEASE_QUARANTINE = "quarantine:release"
    IMPORT_REFERENCES = "references:import"
    VIEW_MODELS = "models:view"
    ACTIVATE_MODELS = "models:activate"
    VIEW_OPERATION = "operation:view"
    """Destinations, queues, settings in force, doctor."""
    EDIT_DESTINATIONS = "destinations:edit"
    MANAGE_USERS = "users:manage"
    VIEW_AUDIT = "audit:view"

    @property
    def of_a_site(self) -> bool:
        """Whether it can be held for some sites only; all others are held for the whole installation or not at all."""
        return self in _OF_A_SITE


_OF_A_SITE = frozenset(
    {
        Permission.VIEW_STUDIES, Permission.EXPORT_STUDIES, Permission.OPERATE_STUDIES, Permission.READ_STUDIES,
        Permission.RELEASE_QUARANTINE,
    }
)  # fmt: skip


class Role(StrEnum):
    """A bundle of permissions, given to an account for one site or for all."""

    VIEWER = "viewer"
    COORDINATOR = "coordinator"
    ADMIN = "admin"

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the role holds."""
        return _PERMISSIONS[self]


_VIEWER = frozenset({Permission.VIEW_STUDIES, Permission.VIEW_MODELS})
_COORDINATOR = _VIEWER | {
    Permission.EXPORT_STUDIES,
    Permission.OPERATE_STUDIES,
    Permission.READ_STUDIES,
    Permission.IMPORT_REFERENCES,
}
_PERMISSIONS = {Role.VIEWER: _VIEWER, Role.COORDINATOR: _COORDINATOR, Role.ADMIN: frozenset(Permission)}
