"""Every failure of the listener's journal an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class JournalOnNetworkMount(TrabeculaError):
    """The folder of the listener's journal lies on a network mount."""

    code = "JOURNAL_ON_NETWORK_MOUNT"
    next_step = (
        "Set TRABECULA_JOURNAL_DIR to a folder on a disk of this host; or set TRABECULA_ACKNOWLEDGE_AFTER=row, which "
        "needs no journal."
    )


class JournalUnusable(TrabeculaError):
    """The folder of the listener's journal cannot be used."""

    code = "JOURNAL_UNUSABLE"
    next_step = "Check that TRABECULA_JOURNAL_DIR is a folder where this user may write, on a disk that is not full."


class JournalInUse(TrabeculaError):
    """Another process of this host uses the journal."""

    code = "JOURNAL_IN_USE"
    next_step = "End the other one, or give each listener of a host a TRABECULA_JOURNAL_DIR of its own."


class JournalTooNew(TrabeculaError):
    """The journal was written by a newer version of the program."""

    code = "JOURNAL_TOO_NEW"
    next_step = (
        "Start the newer version again until its journal is empty (`trabecula listeners list` shows it), then go back."
    )


class JournalDamaged(TrabeculaError):
    """An image that had been acknowledged is damaged in the listener's journal."""

    code = "JOURNAL_DAMAGED"
    next_step = (
        "Send the study again from its source and check the disk; the damaged segment is kept beside the journal in "
        "the folder `damaged`."
    )


class BacklogFull(TrabeculaError):
    """The listener's journal holds as much as it may; rows do not follow."""

    code = "BACKLOG_FULL"
    next_step = "Bring the database back (the registrar then catches up) or raise TRABECULA_JOURNAL_LIMIT_GIB."
    retryable = True
    dimse_status = 0xA700


class RegistrationRefused(TrabeculaError):
    """The ledger refused to record the instance; it lies in quarantine."""

    code = "REGISTRATION_REFUSED"
    next_step = "Look at it with `trabecula quarantine show`; send it again from its source."


class ListenerUnknown(TrabeculaError):
    """No listener keeps this journal."""

    code = "LISTENER_UNKNOWN"
    next_step = "Look up its journal with `trabecula listeners list`."


class HandshakeFailed(TrabeculaError):
    """The TLS handshake with what connected to the DICOM port failed."""

    code = "TLS_HANDSHAKE_FAILED"
    next_step = (
        "Let the sender speak TLS to this port, with a certificate of an authority in tls_ca where that is set; "
        "without tls_certificate the port speaks plain DICOM."
    )
