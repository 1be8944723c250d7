"""What is wrong with the ledger a command was pointed at, or with its audit log; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import ConfigurationInvalid, TrabeculaError


class LedgerMissing(TrabeculaError):
    """There is no ledger where this command looks."""

    code = "LEDGER_MISSING"
    next_step = (
        "Name the configuration of the service (--config FILE, or TRABECULA_CONFIG); `trabecula config show` tells "
        "where each setting comes from. A new ledger is made by `trabecula serve`."
    )


class ReaderRefused(TrabeculaError):
    """The reading role was not made."""

    code = "READER_REFUSED"
    next_step = "Take another name, or let an owner of the database make the role."


class AuditHeadInvalid(ConfigurationInvalid):
    """A file of exported heads of the audit log cannot be read as one."""

    code = "AUDIT_HEAD_INVALID"
    next_step = (
        "Name a file that the service wrote (audit/head.jsonl in data_dir, or audit_head_file), or a copy of one."
    )


class AuditNotSealed(TrabeculaError):
    """Entries of the audit log wait too long for their seal."""

    code = "AUDIT_NOT_SEALED"
    next_step = "Let a worker of the queue sys run (`trabecula serve`, or `trabecula work --queues sys`); see its log."
    retryable = True


class AuditNotSent(TrabeculaError):
    """Entries of the audit log could not be sent to the server that keeps them."""

    code = "AUDIT_NOT_SENT"
    next_step = (
        "Nothing is lost: it is tried again by itself. Check audit_syslog or audit_fhir_url, and the server's "
        "certificate and log; see docs/audit.md."
    )
    retryable = True


class AuditHeadUnwritten(TrabeculaError):
    """The head of the audit log could not be written to its file."""

    code = "AUDIT_HEAD_UNWRITTEN"
    next_step = "Give the folder of audit_head_file, or audit/ in data_dir, to the service's user, and room."
    retryable = True
