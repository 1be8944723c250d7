"""After a restore: files without a row are registered as if they came now, rows without a file are marked so."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine, text

from trabecula.backups.copying import files_of
from trabecula.domain.errors import InstanceUnparsable
from trabecula.domain.ports.ledger import OpenLedger
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid
from trabecula.intake.storage.identity import read_again
from trabecula.intake.storage.spool import OBJECTS, Spool
from trabecula.ledger.database import database_errors
from trabecula.pipeline import register_instance, turn_away

log = structlog.get_logger(__name__)

RESTORED_FROM = "RESTORE"
"""Stands where the AE title of the sender was, which only the lost rows knew."""
_RULE = "not in the backup"
_AT_ONCE = 1000

_NAMED = text(
    """
    SELECT spool_key FROM instances i WHERE NOT EXISTS (
        SELECT FROM removed_images m WHERE m.sop_instance_uid = i.sop_instance_uid)
    UNION SELECT spool_key FROM former_copies UNION SELECT spool_key FROM revision_instances r WHERE NOT EXISTS (
        SELECT FROM removed_images m WHERE m.sop_instance_uid = r.sop_instance_uid)
    """
)
_HERE = text(
    """
    SELECT sop_instance_uid, spool_key FROM instances i WHERE NOT EXISTS (
        SELECT FROM removed_images m WHERE m.sop_instance_uid = i.sop_instance_uid)
    """
)


def reconcile(engine: Engine, open_ledger: OpenLedger, spool: Spool, quiet_s: float) -> tuple[int, int]:
    """Make ledger and spool agree; return how many images were registered, and of how many the file is not here.

    Nobody else may use either meanwhile. Raises DatabaseUnavailable, SpoolUnavailable.
    """
    with database_errors(), engine.connect() as connection:
        named = set(connection.execute(_NAMED).scalars())
    again = 0
    for key in _objects(spool):
        if key not in named:
            again += _registered(open_ledger, spool, key, quiet_s)
    return again, _marked(engine, open_ledger, spool)


def _objects(spool: Spool) -> Iterator[str]:
    for path in files_of(spool.root / OBJECTS):
        yield f"{OBJECTS}/{path}"


def _registered(open_ledger: OpenLedger, spool: Spool, key: str, quiet_s: float) -> bool:
    """Register a file that came after the backup; one of a study that was deleted goes."""
    path = spool.path(key)
    try:
        stated, head = read_again(path)
    except InstanceUnparsable:
        log.warning("restore.not_parsed", key=key)
        return False
    if not spool.owns(stated.sop_instance_uid, key):
        log.warning("restore.left", key=key, why="its name is not that of its instance")
        return False
    if turn_away(open_ledger, {head.study_uid: 1}):
        spool.remove(key)
        return False
    instance = ReceivedInstance(
        sop_class_uid=stated.sop_class_uid,
        sop_instance_uid=stated.sop_instance_uid,
        transfer_syntax_uid=stated.transfer_syntax_uid,
        study_uid=head.study_uid,
        series_uid=head.series_uid,
        spool_key=key,
        size_bytes=path.stat().st_size,
        sha256=_sha256(path),
        calling_ae_title=RESTORED_FROM,
        association_id=RESTORED_FROM.lower(),
        received_at=datetime.now(UTC),
    )
    return register_instance(open_ledger, instance, quiet_s)


def _marked(engine: Engine, open_ledger: OpenLedger, spool: Spool) -> int:
    """Mark the instances whose files are not here, so that everybody is told instead of missing them later."""
    with database_errors(), engine.connect() as connection:
        rows = connection.execute(_HERE).all()
    missing = [InstanceUid(uid) for uid, key in rows if not spool.path(key).is_file()]
    for start in range(0, len(missing), _AT_ONCE):
        with open_ledger() as ledger:
            ledger.retention.mark_absent(missing[start : start + _AT_ONCE], _RULE)
            ledger.commit()
    return len(missing)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with contextlib.closing(path.open("rb")) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
