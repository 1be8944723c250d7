"""After a restore: what was deleted since the backup was made is deleted again, and stays turned away."""

from __future__ import annotations

from collections.abc import Sequence

from trabecula.domain.errors_of.retention import DeletionUnfinished
from trabecula.domain.study.deletion import Tombstone, tombstone_key
from trabecula.pipeline.retention.deleting import finish_deletion
from trabecula.pipeline.retention.removing import RetentionServices

_AGAIN = "; deleted again after a restore"


def delete_again(services: RetentionServices, key: str, tombstones: Sequence[Tombstone]) -> int:
    """Put up the tombstones that the restored ledger lacks, and delete their studies; return how many those were.

    Nothing may work on the ledger. What the journal still holds of a study goes when the service runs.
    Raises SpoolUnavailable, BackupRunning.
    """
    if not key:
        return 0
    deleted = {item.study_key: item for item in tombstones if item.allowed_at is None}
    with services.open_ledger() as ledger:
        ledger.deletions.adopt(key, tombstones)
        back = [uid for uid in ledger.deletions.study_uids() if tombstone_key(bytes.fromhex(key), uid) in deleted]
        for study_uid in back:
            known = deleted[tombstone_key(bytes.fromhex(key), study_uid)]
            ledger.deletions.end_jobs(study_uid)
            ledger.deletions.bury(study_uid, known.deleted_by, known.reason.removesuffix(_AGAIN) + _AGAIN)
        ledger.commit()
    for study_uid in back:
        try:
            finish_deletion(services, study_uid, patience_s=0.0)
        except DeletionUnfinished:
            continue  # housekeeping of the service goes on with it
    return len(back)
