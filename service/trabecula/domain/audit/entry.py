"""One entry of the audit log: who did what, to which studies and persons, from where, and how it ended.

An entry names persons and studies as its writer knows them; what is kept of these names is a pseudonym alone
(``ledger.audit``). ``subject`` and ``detail`` are kept as they are and hold nothing of any person.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from trabecula.domain.uids import StudyUid

MOST_NAMED = 1000
"""Studies or persons that one entry may name; who exports more writes an entry for each batch."""


class AuditAction(StrEnum):
    """What was done. How each is written as an event of DICOM PS3.15 A.5.3 stands in ``data/audit_events.toml``."""

    STUDY_VIEWED = "STUDY_VIEWED"
    STUDIES_LISTED = "STUDIES_LISTED"
    STUDIES_EXPORTED = "STUDIES_EXPORTED"
    OBJECT_DOWNLOADED = "OBJECT_DOWNLOADED"
    QUARANTINE_VIEWED = "QUARANTINE_VIEWED"
    STUDY_CHANGED = "STUDY_CHANGED"
    STUDY_DELETED = "STUDY_DELETED"
    STUDY_ALLOWED = "STUDY_ALLOWED"
    PERSON_FORGOTTEN = "PERSON_FORGOTTEN"
    RETENTION_HOLD_SET = "RETENTION_HOLD_SET"
    RETENTION_HOLD_LIFTED = "RETENTION_HOLD_LIFTED"
    QUARANTINE_RELEASED = "QUARANTINE_RELEASED"
    QUARANTINE_DELETED = "QUARANTINE_DELETED"
    REFERENCES_IMPORTED = "REFERENCES_IMPORTED"
    READING_RECORDED = "READING_RECORDED"
    RESULTS_RECALLED = "RESULTS_RECALLED"
    SIGNED_IN = "SIGNED_IN"
    SIGN_IN_REFUSED = "SIGN_IN_REFUSED"
    ACCOUNT_LOCKED = "ACCOUNT_LOCKED"
    SIGNED_OUT = "SIGNED_OUT"
    SESSION_REVOKED = "SESSION_REVOKED"
    ACCESS_REFUSED = "ACCESS_REFUSED"
    USER_CREATED = "USER_CREATED"
    USER_CHANGED = "USER_CHANGED"
    USER_DELETED = "USER_DELETED"
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105 - the name of an action
    TOKEN_CREATED = "TOKEN_CREATED"  # noqa: S105 - the name of an action
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105 - the name of an action
    MODEL_ACTIVATED = "MODEL_ACTIVATED"
    MODEL_DEACTIVATED = "MODEL_DEACTIVATED"
    DESTINATION_CHANGED = "DESTINATION_CHANGED"
    DESTINATION_TESTED = "DESTINATION_TESTED"
    QUEUE_PAUSED = "QUEUE_PAUSED"
    QUEUE_RESUMED = "QUEUE_RESUMED"
    READER_ROLE_ADDED = "READER_ROLE_ADDED"
    READER_ROLE_REMOVED = "READER_ROLE_REMOVED"
    SETTINGS_VIEWED = "SETTINGS_VIEWED"
    SETTINGS_CHANGED = "SETTINGS_CHANGED"
    AUDIT_VIEWED = "AUDIT_VIEWED"
    AUDIT_EXPORTED = "AUDIT_EXPORTED"
    BACKUP_MADE = "BACKUP_MADE"
    BACKUP_RESTORED = "BACKUP_RESTORED"


class AuditOutcome(StrEnum):
    """How it ended; REFUSED: not allowed or not right (minor failure of PS3.15), FAILED: it broke (serious failure)."""

    SUCCESS = "SUCCESS"
    REFUSED = "REFUSED"
    FAILED = "FAILED"


class ActorKind(StrEnum):
    """What kind of somebody acted."""

    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105 - a kind of actor
    COMMAND_LINE = "command line"
    SYSTEM = "system"


class PatientKey(NamedTuple):
    """How a person is known here: the patient ID and its issuer, which may be empty (PS3.3 C.2.2)."""

    patient_id: str
    issuer: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditEntry:
    """What is to be written. The persons of ``studies`` are added by the writer from the ledger.

    ``address`` is where the actor came from (an IP address, "" for the command line); ``subject`` what it was done to
    besides studies and persons: a user name, model id, destination, or number of an entry in quarantine. Raises
    ValueError for what cannot be an entry.
    """

    action: AuditAction
    who: str
    who_kind: ActorKind
    outcome: AuditOutcome = AuditOutcome.SUCCESS
    address: str = ""
    studies: tuple[StudyUid, ...] = ()
    patients: tuple[PatientKey, ...] = ()
    subject: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if not self.who:
            raise ValueError("an audit entry names who acted")
        if max(len(self.studies), len(self.patients)) > MOST_NAMED:
            raise ValueError(f"an audit entry names at most {MOST_NAMED} studies or persons; write one for each batch")
        if any(uid in text for uid in self.studies if uid for text in (self.subject, self.detail)):
            raise ValueError("subject and detail of an audit entry hold no study's UID")
