"""Delivery: destinations, where an object stands at one of them, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.language import Language
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, ObjectKind, StudyResult
from trabecula.domain.spine import LUMBAR_LEVELS
from trabecula.domain.uids import InstanceUid, StudyUid


class SendNotEvaluable(StrEnum):
    """Which reports without a measurement a destination gets."""

    ALWAYS = "always"
    LUMBAR = "lumbar"
    """Those of studies that may show the lumbar spine: a knee gets no page."""
    NEVER = "never"

    def wants(self, result: StudyResult) -> bool:
        """Whether the report of a result is sent."""
        if result.category is not Category.NOT_EVALUABLE or self is SendNotEvaluable.ALWAYS:
            return True
        return self is SendNotEvaluable.LUMBAR and may_be_lumbar(result)


def may_be_lumbar(result: StudyResult) -> bool:
    """Whether the images of a result may show the lumbar spine: a level of it was found, or nothing speaks against.

    A result lists the measured levels also where they were not found; these have no outline, so its quality is 0.
    """
    if any(item.level in LUMBAR_LEVELS and item.quality > 0 for item in result.levels):
        return True
    return not any(reason.blocking and reason.code in _ANOTHER_REGION for reason in result.reasons)


_ANOTHER_REGION = frozenset({ReasonCode.NOT_TARGET_MODALITY, ReasonCode.NOT_TARGET_BODYPART, ReasonCode.NOT_A_SPINE})


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A PACS that gets results. ``object_kinds`` are what it wants (SR, SEG, SC), ``commitment`` asks for N-ACTION,
    ``language`` is what its readers read."""

    name: str
    ae_title: str
    host: str
    port: int
    object_kinds: tuple[str, ...] = ("SR", "SEG", "SC")
    commitment: bool = True
    send_not_evaluable: SendNotEvaluable = SendNotEvaluable.ALWAYS
    language: Language = Language.ENGLISH

    @property
    def address(self) -> str:
        """AE title, host and port as settings write them."""
        return f"{self.ae_title}@{host_and_port(self.host, self.port)}"


def host_and_port(host: str, port: int) -> str:
    """Return ``host:port``; an IPv6 address stands in brackets (RFC 3986 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class DeliveryState(StrEnum):
    """Where one object stands at one destination; refused, sent and confirmed are different things."""

    PENDING = "PENDING"
    SENT = "SENT"
    """The destination answered 0x0000 or a warning (0xBxxx)."""
    CONFIRMED = "CONFIRMED"
    """The destination took responsibility (storage commitment, PS3.4 J)."""
    REFUSED = "REFUSED"
    """The destination will not take it; a person must look."""
    FAILED = "FAILED"
    """Every attempt failed for reasons that may pass; retry is up to a person now."""


@dataclass(frozen=True)
class SendOutcome:
    """What the destination answered for one object: DIMSE status word, and the SOP Class and UID it went under."""

    sop_instance_uid: InstanceUid
    sop_class_uid: str
    status: int
    error_comment: str = ""

    @property
    def accepted(self) -> bool:
        """True for success and for warnings (PS3.7 C: 0x0000, 0x0001, 0xBxxx, 0x0107, 0x0116)."""
        return self.status in (0x0000, 0x0001, 0x0107, 0x0116) or 0xB000 <= self.status <= 0xBFFF


class CommitmentState(StrEnum):
    """Where storage commitment of one delivered object stands."""

    NONE = "NONE"
    """Not asked for."""
    REQUESTED = "REQUESTED"
    """Asked; the answer has not come yet."""
    CONFIRMED = "CONFIRMED"
    """The destination took responsibility."""
    REFUSED = "REFUSED"
    """The destination says that it does not keep the object."""
    MISSING = "MISSING"
    """No answer in time; visible, not fatal."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One object on its way to one destination. ``sop_*`` name the form that was really sent (fall-back classes)."""

    study_uid: StudyUid
    revision: int
    destination: str
    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: InstanceUid
    state: DeliveryState = DeliveryState.PENDING
    status: int | None = None
    error_code: str = ""
    comment: str = ""
    attempts: int = 0
    commitment: CommitmentState = CommitmentState.NONE
    transaction_uid: str = ""
