"""Whether an instance says what it is: its head, found within bounds, beside what its request (or its file) names."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.errors import InstanceUnparsable, SpoolObjectMissing, SpoolUnavailable
from trabecula.domain.uids import InstanceUid
from trabecula.intake.storage.head import DataSetHead, HeadIncomplete, read_head

_HEAD_BYTES = 1 << 16
_HEAD_LIMIT_BYTES = 1 << 24
_UID = re.compile(r"[0-9.]{1,64}", re.ASCII)
_BEFORE_META_ELEMENTS = 144
"""Preamble, prefix and the group length element (PS3.10 7.1)."""


@dataclass(frozen=True)
class StatedInstance:
    """What a request or a file's meta information says that the data set is."""

    sop_class_uid: str
    sop_instance_uid: InstanceUid
    transfer_syntax_uid: str


def identified_head(stated: StatedInstance, size: int, beginning: Callable[[int], bytes]) -> DataSetHead:
    """Return the head of a data set of ``size`` bytes; ``beginning`` gives up to so many bytes from its start.

    Raises InstanceUnparsable where it has none, lacks a UID, or is another instance than stated.
    """
    head = _head(stated.transfer_syntax_uid, size, beginning)
    for name, uid in (
        ("Affected SOP Instance UID", stated.sop_instance_uid),
        ("SOP Instance UID", head.sop_instance_uid),
        ("Study Instance UID", head.study_uid),
        ("Series Instance UID", head.series_uid),
    ):
        if _UID.fullmatch(uid) is None:
            raise InstanceUnparsable(f"the {name} is {'missing' if not uid else 'not a UID'}")
    if head.sop_instance_uid != stated.sop_instance_uid:
        raise InstanceUnparsable("request and data set name different SOP Instance UIDs")
    if head.sop_class_uid and head.sop_class_uid != stated.sop_class_uid:
        raise InstanceUnparsable("request and data set name different SOP Classes")
    return head


def read_again(path: Path) -> tuple[StatedInstance, DataSetHead]:
    """Read a received file as its reception did. Raises InstanceUnparsable, SpoolObjectMissing, SpoolUnavailable."""
    from pydicom.errors import InvalidDicomError  # most listeners never need it, and it brings numpy along
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
        with path.open("rb") as file:
            offset = _BEFORE_META_ELEMENTS + int(meta.FileMetaInformationGroupLength)
            size = os.fstat(file.fileno()).st_size - offset
            stated = StatedInstance(
                str(meta.MediaStorageSOPClassUID),
                InstanceUid(str(meta.MediaStorageSOPInstanceUID)),
                str(meta.TransferSyntaxUID),
            )
            head = identified_head(stated, size, lambda count: os.pread(file.fileno(), count, offset))
    except FileNotFoundError as error:
        raise SpoolObjectMissing(path.name) from error
    except (InvalidDicomError, AttributeError, ValueError, EOFError) as error:
        raise InstanceUnparsable("its file has no meta information") from error
    except OSError as error:
        raise SpoolUnavailable(os.strerror(error.errno) if error.errno else type(error).__name__) from error
    return stated, head


def _head(transfer_syntax_uid: str, size: int, beginning: Callable[[int], bytes]) -> DataSetHead:
    if size <= 0:
        raise InstanceUnparsable("no data set came with it")
    for count in (_HEAD_BYTES, _HEAD_LIMIT_BYTES):
        data = beginning(count)
        try:
            return read_head(data, transfer_syntax_uid, complete=len(data) == size)
        except HeadIncomplete:
            continue
    raise InstanceUnparsable("the Series Instance UID is not near its beginning")
