"""One request of somebody who is known: who asks, the transaction it is answered in, and the form it carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request

from trabecula.domain.access.actor import Principal
from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.acting import Actor as AuditActor
from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry, PatientKey
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append
from trabecula.web.access.secrets_kept import form_secret
from trabecula.web.access.signing_in import RequestOrigin, Visitor

_LONGEST_FIELD = 4096


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request whose visitor is let in; ``connection`` is committed when the handler returns."""

    request: Request
    connection: Connection
    visitor: Visitor
    form: FormData

    @property
    def actor(self) -> Principal:
        """Who asks."""
        return self.visitor.actor

    @property
    def form_secret(self) -> str:
        """What forms of this session carry."""
        return form_secret(self.visitor.secret) if self.visitor.secret else ""

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What the path holds."""
        return self.request.path_params

    @property
    def audit_actor(self) -> AuditActor:
        """Who acts, as the audit log has it; use cases that change something write their entries under it."""
        kind = ActorKind.TOKEN if self.actor.token else ActorKind.ACCOUNT
        return AuditActor(self.actor.account, kind, origin_of(self.request).address)

    def audit(
        self,
        action: AuditAction,
        *,
        studies: Iterable[str] = (),
        patients: Iterable[PatientKey] = (),
        subject: str = "",
        detail: str = "",
    ) -> None:
        """Append to the audit log what the visitor does; it is committed before the answer goes out."""
        acting = self.audit_actor
        entry = AuditEntry(
            action=action,
            who=acting.who,
            who_kind=acting.kind,
            address=acting.address,
            studies=tuple(StudyUid(uid) for uid in studies),
            patients=tuple(patients),
            subject=subject,
            detail=detail,
        )
        append(self.connection, entry)

    def check_text(self) -> None:
        """Do nothing where no value of address or form holds a zero byte, which no column takes.

        Raises ChoiceInvalid.
        """
        fields = (*self.request.query_params.multi_items(), *self.form.multi_items(), *self.parameters.items())
        if any("\0" in value for _, value in fields if isinstance(value, str)):
            raise ChoiceInvalid("a value holds a zero byte")

    def sites(self, permission: Permission = Permission.VIEW_STUDIES) -> frozenset[str] | None:
        """Return the sites at which the visitor holds a permission, None for all."""
        return self.actor.sites(permission)

    def field(self, name: str) -> str:
        """Return a field of the form, or of the address where there is no form; without blanks around it."""
        value = self.form.get(name) if name in self.form else self.request.query_params.get(name, "")
        return value.strip()[:_LONGEST_FIELD] if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        """Return every value of a field that may be given more than once."""
        values = self.form.getlist(name) or self.request.query_params.getlist(name)
        return [value.strip()[:_LONGEST_FIELD] for value in values if isinstance(value, str) and value.strip()]


def origin_of(request: Request) -> RequestOrigin:
    """Return where a request comes from; uvicorn has put in what a named proxy tells."""
    return RequestOrigin(request.client.host if request.client else "", request.headers.get("user-agent", ""))
