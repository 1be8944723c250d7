"""Every failure of retention, deletion and restoring an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import SpoolObjectMissing, StudyUnknown, TrabeculaError


class ImagesRemoved(SpoolObjectMissing):
    """Images of this study are no longer here, and a part of a study is never measured in place of the whole."""

    code = "IMAGES_REMOVED"
    next_step = (
        "Send the whole study again, or have the archive do so with `trabecula studies fetch` (setting archive); then "
        "repeat the command."
    )


class ArchiveMissing(TrabeculaError):
    """No source archive is set that could send the images again."""

    code = "ARCHIVE_MISSING"
    next_step = "Set archive (AE@host:port), or send the whole study again from its source."


class ArchiveFetchFailed(TrabeculaError):
    """The source archive did not send the study again."""

    code = "ARCHIVE_FETCH_FAILED"
    next_step = (
        "Allow our AE title to move studies there, register our address under ae_title as a move destination, and put "
        "the archive's AE title into calling_ae_titles."
    )
    retryable = True


class ResultsRemoved(SpoolObjectMissing):
    """The files of this result are no longer here."""

    code = "RESULTS_REMOVED"
    next_step = (
        "Values and object identifiers are still in the ledger; `trabecula studies reprocess` makes the files anew "
        "where the images are here."
    )


class StudyHeld(TrabeculaError):
    """An operator holds this study."""

    code = "STUDY_HELD"
    next_step = "See `trabecula retention show` for the holds; `trabecula retention unhold` lifts one."


class StudyDeleted(StudyUnknown):
    """This study was deleted for good."""

    code = "STUDY_DELETED"
    next_step = "See `trabecula studies deleted STUDY_UID`; `trabecula studies allow` lets it come again."


class StudyDeletedMeanwhile(TrabeculaError):
    """The study was deleted while its images were taken in."""

    code = "STUDY_DELETED_MEANWHILE"
    next_step = "Nothing: the next try drops them."
    retryable = True
    dimse_status = 0xA700


class DeletionUnfinished(TrabeculaError):
    """The deletion has begun and is not finished."""

    code = "DELETION_UNFINISHED"
    next_step = "Nothing: the service goes on with it within ten minutes; `trabecula studies delete` again goes on now."
    retryable = True


class BackupRunning(TrabeculaError):
    """A backup is being made, and nothing may be removed meanwhile."""

    code = "BACKUP_RUNNING"
    next_step = "Wait until `trabecula backup` has ended."
    retryable = True


class DiskFilling(TrabeculaError):
    """The disk will be full soon at the present rate."""

    code = "DISK_FILLING"
    next_step = (
        "Set keep_images_days and keep_results_days, or give data_dir more room; see `trabecula retention show`."
    )
