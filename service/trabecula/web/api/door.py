"""The door of the API: who asks, may they, did a page of ours send it; then one transaction for the answer.

The door closes its own transaction before an endpoint opens one, so that a request never waits in one thread for a
connection that another one holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import FormData

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.acting import acting_as
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.access import ChoiceInvalid, PermissionMissing
from trabecula.ledger.database import database_errors
from trabecula.web.access.asked import Asked
from trabecula.web.access.refusals import note_refusal
from trabecula.web.access.signing_in import Visitor
from trabecula.web.desk.guard import FIRST_PAGE, check_forgery, visitor_of
from trabecula.web.desk.parts import DeskParts


@dataclass(frozen=True, kw_only=True)
class Door:
    """A request that was let in."""

    request: Request
    parts: DeskParts
    visitor: Visitor

    @contextmanager
    def opened(self) -> Iterator[Asked]:
        """Give the request its transaction; it is committed at the end, with what was audited, before the answer."""
        with database_errors(), self.parts.engine().connect() as connection:
            asked = Asked(request=self.request, connection=connection, visitor=self.visitor, form=FormData())
            try:
                with acting_as(asked.audit_actor):
                    yield asked
            except TrabeculaError as error:
                connection.rollback()
                self.note(error)
                raise
            connection.commit()

    def note(self, error: TrabeculaError) -> None:
        """Write into the audit log that the request was refused, where it was."""
        template = str(getattr(self.request.scope.get("route"), "path", ""))
        note_refusal(self.parts.engine(), self.visitor, self.request, template, error)


@dataclass(frozen=True)
class Behind:
    """The dependency that lets in who holds ``permission`` anywhere (None: who is known at all).

    ``in_person`` lets in nobody with a token: a token must not make others. Raises NotSignedIn, TokenRefused,
    RequestForged, PermissionMissing, and ChoiceInvalid for a parameter that the endpoint does not take.
    """

    permission: Permission | None
    in_person: bool = False

    def __call__(self, request: Request) -> Door:
        """Let the request in."""
        parts: DeskParts = request.app.state.parts
        with database_errors(), parts.engine().connect() as connection:
            visitor = visitor_of(connection, request, parts)
            connection.commit()
        door = Door(request=request, parts=parts, visitor=visitor)
        try:
            self._check(request, visitor)
        except TrabeculaError as error:
            door.note(error)
            raise
        return door

    def _check(self, request: Request, visitor: Visitor) -> None:
        _check_parameters(request)
        check_forgery(request, visitor, FormData())
        if self.permission is not None:
            visitor.actor.demand(self.permission)
        if self.in_person and visitor.session is None:
            raise PermissionMissing("a token may not do this; sign in for it")
        if visitor.session is not None and visitor.account.must_change_password:
            raise PermissionMissing(f"choose a password of your own first, at {FIRST_PAGE}")


def _check_parameters(request: Request) -> None:
    """A misspelt filter must not answer as if it were none."""
    described = request.app.openapi()["paths"].get(request.scope["route"].path, {}).get(request.method.lower(), {})
    taken = {item["name"] for item in described.get("parameters", ()) if item["in"] == "query"}
    if unknown := sorted(set(request.query_params) - taken):
        there_are = f"there are {', '.join(sorted(taken))}" if taken else "it takes none"
        raise ChoiceInvalid(f"there is no parameter {unknown[0][:40]!r}; {there_are}")


Known = Annotated[Door, Depends(Behind(None))]
SignedIn = Annotated[Door, Depends(Behind(None, in_person=True))]
Viewer = Annotated[Door, Depends(Behind(Permission.VIEW_STUDIES))]
Exporter = Annotated[Door, Depends(Behind(Permission.EXPORT_STUDIES))]
Operator = Annotated[Door, Depends(Behind(Permission.OPERATE_STUDIES))]
Reader = Annotated[Door, Depends(Behind(Permission.READ_STUDIES))]
Releaser = Annotated[Door, Depends(Behind(Permission.RELEASE_QUARANTINE))]
Importer = Annotated[Door, Depends(Behind(Permission.IMPORT_REFERENCES))]
ModelViewer = Annotated[Door, Depends(Behind(Permission.VIEW_MODELS))]
ModelActivator = Annotated[Door, Depends(Behind(Permission.ACTIVATE_MODELS))]
OperationViewer = Annotated[Door, Depends(Behind(Permission.VIEW_OPERATION))]
DestinationEditor = Annotated[Door, Depends(Behind(Permission.EDIT_DESTINATIONS))]
UserManager = Annotated[Door, Depends(Behind(Permission.MANAGE_USERS))]
AuditViewer = Annotated[Door, Depends(Behind(Permission.VIEW_AUDIT))]
