"""Every failure an operator can see: one tree; the docstring is the message, with a code and a next step."""

from __future__ import annotations

from typing import ClassVar


class TrabeculaError(Exception):
    """Something failed."""

    code: ClassVar[str] = "INTERNAL"
    next_step: ClassVar[str] = "Report it with the log lines of the same job."
    retryable: ClassVar[bool] = False
    dimse_status: ClassVar[int] = 0x0110

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    @property
    def sentence(self) -> str:
        """The message for people: the class's sentence, and the detail when there is one."""
        sentence = (type(self).__doc__ or "").strip().splitlines()[0].rstrip(".")
        return f"{sentence}: {self.detail.rstrip('.')}." if self.detail else f"{sentence}."

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence} {self.next_step}"


class ConfigurationInvalid(TrabeculaError):
    """The configuration is not usable."""

    code = "CONFIGURATION_INVALID"
    next_step = (
        "Correct the named key in the TOML file or the environment; deploy/trabecula.example.toml shows every key."
    )


class DatabaseUnavailable(TrabeculaError):
    """The database does not answer."""

    code = "DATABASE_UNAVAILABLE"
    next_step = "Check TRABECULA_DATABASE_URL and that PostgreSQL runs; `trabecula doctor` shows more."
    retryable = True
    dimse_status = 0xA700


class EmbeddedDatabaseDead(DatabaseUnavailable):
    """The embedded PostgreSQL was killed and its lock is still held."""

    code = "EMBEDDED_DATABASE_DEAD"
    next_step = "Run under an init process that reaps children (in containers `init: true`), or restart the machine."


class SchemaOutdated(TrabeculaError):
    """The database schema does not match this version of the program."""

    code = "SCHEMA_OUTDATED"
    next_step = "Start one `trabecula serve` or run `trabecula doctor --migrate` once; it migrates the schema."


class DatabaseRefused(TrabeculaError):
    """The database refused what the program asked."""

    code = "DATABASE_REFUSED"
    next_step = "Check the rights of the database user, free space there, and that nobody altered the schema."


class DataFolderUnusable(TrabeculaError):
    """The data folder cannot be used."""

    code = "DATA_FOLDER_UNUSABLE"
    next_step = (
        "Check that data_dir is a folder where this user may write, on a disk that is neither full nor read-only."
    )


class SystemRefused(TrabeculaError):
    """The operating system refused what the command needs."""

    code = "SYSTEM_REFUSED"
    next_step = "Check the named path or address, its permissions, and that the disk is neither full nor read-only."


class StorageFull(TrabeculaError):
    """The disk is fuller than the watermark allows."""

    code = "STORAGE_FULL"
    next_step = "Free space or raise the watermark; where the sender does not try again, send the study once more."
    retryable = True
    dimse_status = 0xA700


class SpoolUnavailable(TrabeculaError):
    """The spool cannot be written or read."""

    code = "SPOOL_UNAVAILABLE"
    next_step = "Check the mount and the permissions of TRABECULA_DATA_DIR."
    retryable = True
    dimse_status = 0xA700


class SpoolObjectMissing(TrabeculaError):
    """A file that the ledger names is not in the spool."""

    code = "SPOOL_OBJECT_MISSING"
    next_step = "Restore the spool from backup or send the study again; then `trabecula studies reprocess`."


class InstanceUnparsable(TrabeculaError):
    """The received instance is not readable DICOM; it lies in quarantine."""

    code = "INSTANCE_UNPARSABLE"
    next_step = "Look at it with `trabecula quarantine show`; send it again from its source."


class InstanceConflict(TrabeculaError):
    """An instance came twice under one SOP Instance UID with different content; the second lies in quarantine."""

    code = "INSTANCE_CONFLICT"
    next_step = (
        "See what differs with `trabecula studies show`; the first copy is used until `trabecula studies adopt` takes "
        "the newer headers over."
    )


class CallingAeRefused(TrabeculaError):
    """The calling AE title is not on the list."""

    code = "CALLING_AE_REFUSED"
    next_step = "Add the sender's AE title to TRABECULA_CALLING_AE_TITLES."


class CalledAeRefused(TrabeculaError):
    """The called AE title is not ours."""

    code = "CALLED_AE_REFUSED"
    next_step = "Set the AE title of TRABECULA_AE_TITLE in the sender."


class PeerViolation(TrabeculaError):
    """What connected to the DICOM port does not keep to the protocol."""

    code = "PEER_VIOLATION"
    next_step = "Check what connects from the logged address; a port scanner can be ignored."


class PeerTooSlow(TrabeculaError):
    """What connected to the DICOM port went silent or sends too slowly."""

    code = "PEER_TOO_SLOW"
    next_step = "Check the network to the logged address; the sender must send again what was not acknowledged."


class AssociationLimitReached(TrabeculaError):
    """As many associations are open as are allowed."""

    code = "ASSOCIATION_LIMIT_REACHED"
    next_step = "The sender tries again by itself; raise the association limit if it happens often."
    retryable = True


class StudyUnknown(TrabeculaError):
    """The ledger knows no such study."""

    code = "STUDY_UNKNOWN"
    next_step = "Look for the Study Instance UID with `trabecula studies list`."


class StudyAmbiguous(StudyUnknown):
    """Several studies begin so."""

    code = "STUDY_AMBIGUOUS"


class ResultMissing(TrabeculaError):
    """The study has no result yet."""

    code = "RESULT_MISSING"
    next_step = "See the state with `trabecula studies show`; wait until it is analysed."


class ReferencesInvalid(TrabeculaError):
    """The reference measurements cannot be imported."""

    code = "REFERENCES_INVALID"
    next_step = "Correct the lines of the table; nothing was written."


class TransitionRefused(TrabeculaError):
    """The study is in a state that does not allow this."""

    code = "TRANSITION_REFUSED"
    next_step = "See the state with `trabecula studies show`; wait, or cancel it first."


class InputUnreadable(TrabeculaError):
    """The input is not an image this program can read."""

    code = "INPUT_UNREADABLE"
    next_step = "Give a folder of DICOM files or a NIfTI, NRRD or MHA volume."


class StudyNotChosen(TrabeculaError):
    """The folder holds several studies."""

    code = "SEVERAL_STUDIES"
    next_step = "Name the one that is meant with --study and its UID."


class GeometryInvalid(TrabeculaError):
    """The images do not form a volume."""

    code = "GEOMETRY_INVALID"
    next_step = "Send the complete original series with position and orientation."


class PixelDataUndecodable(TrabeculaError):
    """The pixel data cannot be decoded."""

    code = "PIXEL_DATA_UNDECODABLE"
    next_step = "Send the series in another transfer syntax."


class SegmenterFailed(TrabeculaError):
    """The segmenter failed."""

    code = "SEGMENTER_FAILED"
    next_step = "See the detail; check the command of an external segmenter by hand."


class SegmenterTimeout(SegmenterFailed):
    """The segmenter did not finish in time."""

    code = "SEGMENTER_TIMEOUT"
    next_step = "Raise its time-out or give it more processor."
    retryable = True


class BundleInvalid(TrabeculaError):
    """A model bundle does not match its manifest."""

    code = "BUNDLE_INVALID"
    next_step = "Copy the bundle again or export it again; `trabecula models verify` names the file."


class BundleUnknown(TrabeculaError):
    """No such model bundle is installed."""

    code = "BUNDLE_UNKNOWN"
    next_step = "See `trabecula models list` for the installed ones."


class ReportInvalid(TrabeculaError):
    """The result cannot be written as a DICOM object."""

    code = "REPORT_INVALID"
    next_step = "Report it with the study's result.json."


class PatientIdMissing(ReportInvalid):
    """The images have no Patient ID, and an archive might file the result under another person."""

    code = "PATIENT_ID_MISSING"
    next_step = "Correct the Patient ID at the PACS and send the study again, or set send_without_patient_id = true."


class AnalysisTimeout(TrabeculaError):
    """The analysis did not finish in time and was ended."""

    code = "ANALYSIS_TIMEOUT"
    next_step = "Raise analysis_timeout_seconds or look at the size of the study."
    retryable = True


class AnalysisCrashed(TrabeculaError):
    """The analysis process ended without an answer."""

    code = "ANALYSIS_CRASHED"
    next_step = "Look for the system's out-of-memory messages; give the worker more memory."
    retryable = True


class AnalysisDefect(TrabeculaError):
    """The analysis met something that the program was not made for."""

    code = "ANALYSIS_DEFECT"
    next_step = "Report it with the log line `stage.crashed` of the same job."
    retryable = True


class AttemptsExhausted(TrabeculaError):
    """The job failed as often as is allowed."""

    code = "ATTEMPTS_EXHAUSTED"
    next_step = "Remove the cause and run `trabecula studies retry`."


class DestinationUnknown(TrabeculaError):
    """No such destination is configured."""

    code = "DESTINATION_UNKNOWN"
    next_step = "Name one of TRABECULA_DESTINATIONS."


class NothingToSend(TrabeculaError):
    """There is no object of the newest report that this destination wants."""

    code = "NOTHING_TO_SEND"
    next_step = "See the objects with `trabecula studies show`, and which kinds the destination takes in the settings."


class DestinationUnreachable(TrabeculaError):
    """The destination does not answer."""

    code = "DESTINATION_UNREACHABLE"
    next_step = "Check address, port and firewall; delivery goes on by itself."
    retryable = True


class AssociationRejected(TrabeculaError):
    """The destination rejected the association."""

    code = "ASSOCIATION_REJECTED"
    next_step = "Register our AE title at the destination and check the called AE title."
    retryable = True


class SopClassRefused(TrabeculaError):
    """The destination accepts none of the SOP classes of this object."""

    code = "SOP_CLASS_REFUSED"
    next_step = "Enable the SOP class at the destination or leave this object out for it."


class DeliveryRefused(TrabeculaError):
    """The destination refused the object for good."""

    code = "DELIVERY_REFUSED"
    next_step = "See the status word in `trabecula studies show`; correct the cause and `trabecula studies retry`."


class DeliveryDeferred(TrabeculaError):
    """The destination could not keep the object now."""

    code = "DELIVERY_DEFERRED"
    next_step = "Nothing; delivery is tried again."
    retryable = True


class CommitmentMissing(TrabeculaError):
    """The destination did not confirm storage."""

    code = "COMMITMENT_MISSING"
    next_step = "Check storage commitment at the destination or switch it off for it; the objects were accepted."
    retryable = True


class ArchiveQueryFailed(TrabeculaError):
    """The source archive did not answer the query."""

    code = "ARCHIVE_QUERY_FAILED"
    next_step = "Check the query settings of the source; the study settles by quiet time alone."
    retryable = True


class ClockWrong(TrabeculaError):
    """The clock of this host is wrong."""

    code = "CLOCK_WRONG"
    next_step = "Synchronise the clock (systemd-timesyncd, chrony) on this host and on the database host."


class QueueStuck(TrabeculaError):
    """Jobs wait and nobody works on them."""

    code = "QUEUE_STUCK"
    next_step = "Start workers for the queue (`trabecula work`), or see why the running ones do not take jobs."


class SettingsSuspicious(TrabeculaError):
    """Environment variables are set that no setting reads."""

    code = "SETTINGS_SUSPICIOUS"
    next_step = "Correct their names; deploy/trabecula.example.toml shows every key."


class PhantomMissed(TrabeculaError):
    """The phantom was not measured as it is."""

    code = "PHANTOM_MISSED"
    next_step = "Do not trust results; reinstall the program and its bundles, and compare versions."


class DemoFailed(TrabeculaError):
    """The demonstration did not get through."""

    code = "DEMO_FAILED"
    next_step = "Read the log named above; `trabecula doctor` checks the installation."
