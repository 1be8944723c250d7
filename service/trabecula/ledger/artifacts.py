"""The artifacts of a revision on disk: result and DICOM objects, each written whole or not at all.

Workers use this room, so nothing of arrays may live here; label maps are in ``label_maps``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.errors_of.disk import disk_error
from trabecula.domain.language import Language
from trabecula.domain.results.report_origin import ReportOrigin
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.results.result_json import from_json, to_json
from trabecula.domain.uids import StudyUid
from trabecula.files import whole_file

_ORIGIN = "origin.json"
_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")


class ArtifactStore:
    """Artifacts under ``root/<study>/<revision>``. Raises SpoolUnavailable when the disk does not take them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, study_uid: StudyUid, revision: int) -> Path:
        """Return the folder of a revision (private to us); a UID that is not one never becomes a path."""
        folder = self._place(study_uid, revision)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._root.chmod(0o700)
        except OSError as error:
            raise disk_error(error, f"{folder}: {error.strerror}") from error
        return folder

    def remove(self, study_uid: StudyUid, revision: int | None = None) -> int:
        """Remove the folder of a revision, or of all of a study; return how many bytes were in it. May be repeated."""
        folder = self._place(study_uid, revision)
        freed = _bytes_in(folder)
        try:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)
            with contextlib.suppress(OSError):  # other revisions are still in it, or it is gone
                folder.parent.rmdir()
        except OSError as error:
            raise disk_error(error, f"{folder}: {error.strerror}") from error
        return freed

    def bytes_of(self, study_uid: StudyUid, revision: int | None = None) -> int:
        """Return how many bytes the files of a revision, or of all of a study, have."""
        return _bytes_in(self._place(study_uid, revision))

    def _place(self, study_uid: StudyUid, revision: int | None) -> Path:
        name = study_uid if _UID.match(study_uid) and len(study_uid) <= 64 else _hashed(study_uid)
        return self._root / name / str(revision) if revision is not None else self._root / name

    def save_result(self, result: StudyResult) -> None:
        """Keep a result that no label map belongs to."""
        folder = self.folder(result.study_uid, result.revision)
        remove_labels(folder, kept=0)
        write_result(folder, result)

    def load_result(self, study_uid: StudyUid, revision: int) -> StudyResult:
        """Return the kept result. Raises SpoolObjectMissing."""
        return from_json(json.loads(read_artifact(self.folder(study_uid, revision) / "result.json")))

    def save_origin(self, study_uid: StudyUid, revision: int, origin: ReportOrigin) -> None:
        """Keep what the objects of a revision are made from, before they are made."""
        folder = self.folder(study_uid, revision)
        with contextlib.suppress(FileNotFoundError):
            (folder / "objects.json").unlink()
        document = asdict(origin) | {"analysed_at": origin.analysed_at.isoformat()}
        write_artifact(folder / _ORIGIN, json.dumps(document, indent=1).encode())

    def load_origin(self, study_uid: StudyUid, revision: int) -> ReportOrigin | None:
        """Return what the kept objects were made from; None where there are none, or nothing tells."""
        folder = self._place(study_uid, revision)
        try:
            document = json.loads((folder / _ORIGIN).read_bytes())
            moment = datetime.fromisoformat(document["analysed_at"])
            return ReportOrigin(**document | {"analysed_at": moment}) if (folder / "objects.json").is_file() else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the DICOM objects with their fall-back forms; the list of them comes last."""
        folder = self.folder(study_uid, revision)
        listing = [_save_object(folder, item, _stem(item)) for item in objects]
        write_artifact(folder / "objects.json", json.dumps(listing, indent=1).encode())

    def load_objects(self, study_uid: StudyUid, revision: int) -> tuple[ResultObject, ...]:
        """Return the kept objects byte for byte. Raises SpoolObjectMissing for a lost or altered file."""
        folder = self.folder(study_uid, revision)
        return tuple(_load_object(folder, entry) for entry in json.loads(read_artifact(folder / "objects.json")))


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def write_result(folder: Path, result: StudyResult) -> None:
    """Write the result; it comes after its label maps: where it is, everything is."""
    document = json.dumps(to_json(result), ensure_ascii=False, indent=1, allow_nan=False)
    write_artifact(folder / "result.json", document.encode())


def remove_labels(folder: Path, kept: int) -> None:
    """Remove the label maps of an earlier run beyond the ``kept`` first."""
    for stale in folder.glob("labels-*.npz"):
        if int(stale.stem.removeprefix("labels-")) >= kept:
            stale.unlink()


def _save_object(folder: Path, item: ResultObject, stem: str) -> dict[str, Any]:
    write_artifact(folder / f"{stem}.dcm", item.content)
    return {
        "kind": str(item.kind),
        "language": item.language,
        "file": f"{stem}.dcm",
        "sha256": hashlib.sha256(item.content).hexdigest(),
        "sop_class_uid": item.sop_class_uid,
        "sop_instance_uid": item.sop_instance_uid,
        "series_uid": item.series_uid,
        "alternatives": [
            _save_object(folder, form, f"{stem}-alternative-{number}")
            for number, form in enumerate(item.alternatives, start=1)
        ],
    }


def _stem(item: ResultObject) -> str:
    named = item.language in (None, Language.ENGLISH)
    return f"{item.kind}" if named else f"{item.kind}-{item.language}"


def _language(entry: dict[str, Any]) -> Language | None:
    """Objects of earlier releases name none: they are in English, but for the segmentation, which has none."""
    unnamed = None if entry["kind"] == str(ObjectKind.SEGMENTATION) else Language.ENGLISH
    found = entry.get("language", unnamed)
    return None if found is None else Language(found)


def _load_object(folder: Path, entry: dict[str, Any]) -> ResultObject:
    content = read_artifact(folder / entry["file"])
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise SpoolObjectMissing(f"{folder / entry['file']} was altered")
    return ResultObject(
        kind=ObjectKind(entry["kind"]),
        language=_language(entry),
        sop_class_uid=entry["sop_class_uid"],
        sop_instance_uid=entry["sop_instance_uid"],
        series_uid=entry["series_uid"],
        content=content,
        alternatives=tuple(_load_object(folder, form) for form in entry["alternatives"]),
    )


def write_artifact(path: Path, content: bytes) -> None:
    """Write so that the name holds either nothing, the old or the whole new content, also after a power cut."""
    try:
        with whole_file(path, synced=True) as stream:
            stream.write(content)
    except OSError as error:
        raise disk_error(error, f"{path}: {error.strerror}") from error


def read_artifact(path: Path) -> bytes:
    """Return the bytes of an artifact. Raises SpoolObjectMissing, SpoolUnavailable."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SpoolObjectMissing(str(path)) from error
    except OSError as error:
        raise disk_error(error, f"{path}: {error.strerror}") from error


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
