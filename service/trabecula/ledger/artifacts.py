"""The artifacts of a revision on disk: result, label maps and DICOM objects, each written whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trabecula.domain.errors import SpoolObjectMissing, SpoolUnavailable
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.results.result_json import from_json, to_json
from trabecula.domain.results.stored_labels import StoredLabels
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.files import whole_file

_UID = re.compile(r"^[0-9]+(\.[0-9]+)*$")


class ArtifactStore:
    """Artifacts under ``root/<study>/<revision>``. Raises SpoolUnavailable when the disk does not take them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, study_uid: StudyUid, revision: int) -> Path:
        """Return the folder of a revision (private to us); a UID that is not one never becomes a path."""
        name = study_uid if _UID.match(study_uid) and len(study_uid) <= 64 else _hashed(study_uid)
        folder = self._root / name / str(revision)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._root.chmod(0o700)
        except OSError as error:
            raise SpoolUnavailable(f"{folder}: {error.strerror}") from error
        return folder

    def save_analysis(self, analysis: Analysis) -> None:
        """Keep the result and the label maps; the result comes last: where it is, everything is."""
        result = analysis.result
        folder = self.folder(result.study_uid, result.revision)
        for number, item in enumerate(analysis.volumes):
            buffer = io.BytesIO()
            np.savez_compressed(
                buffer,
                labels=np.ascontiguousarray(item.labels, dtype=np.uint8),
                sop_instance_uids=np.array(item.volume.source_uids, dtype=np.str_),
                frames=np.array([number or 0 for number in item.volume.source_frames], dtype=np.int64),
                file_uids=np.array([file.sop_instance_uid for file in item.files], dtype=np.str_),
                series_uid=np.array(item.files[0].series_uid if item.files else "", dtype=np.str_),
            )
            _write(folder / f"labels-{number}.npz", buffer.getvalue())
        for stale in folder.glob("labels-*.npz"):
            if int(stale.stem.removeprefix("labels-")) >= len(analysis.volumes):
                stale.unlink()
        _write(
            folder / "result.json", json.dumps(to_json(result), ensure_ascii=False, indent=1, allow_nan=False).encode()
        )

    def load_result(self, study_uid: StudyUid, revision: int) -> StudyResult:
        """Return the kept result. Raises SpoolObjectMissing."""
        return from_json(json.loads(_read(self.folder(study_uid, revision) / "result.json")))

    def load_labels(self, study_uid: StudyUid, revision: int) -> tuple[StoredLabels, ...]:
        """Return the kept label maps, the primary first; none where nothing was segmented."""
        folder = self.folder(study_uid, revision)
        found = []
        for number in range(len(list(folder.glob("labels-*.npz")))):
            with np.load(io.BytesIO(_read(folder / f"labels-{number}.npz")), allow_pickle=False) as arrays:
                found.append(
                    StoredLabels(
                        labels=arrays["labels"],
                        sop_instance_uids=tuple(InstanceUid(str(uid)) for uid in arrays["sop_instance_uids"]),
                        file_uids=tuple(InstanceUid(str(uid)) for uid in arrays["file_uids"]),
                        series_uid=SeriesUid(str(arrays["series_uid"])),
                        frames=tuple(int(number) or None for number in arrays.get("frames", ())),
                    )
                )
        return tuple(found)

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the DICOM objects with their fall-back forms; the list of them comes last."""
        folder = self.folder(study_uid, revision)
        listing = [_save_object(folder, item, f"{item.kind}") for item in objects]
        _write(folder / "objects.json", json.dumps(listing, indent=1).encode())

    def load_objects(self, study_uid: StudyUid, revision: int) -> tuple[ResultObject, ...]:
        """Return the kept objects byte for byte. Raises SpoolObjectMissing for a lost or altered file."""
        folder = self.folder(study_uid, revision)
        return tuple(_load_object(folder, entry) for entry in json.loads(_read(folder / "objects.json")))


def _save_object(folder: Path, item: ResultObject, stem: str) -> dict[str, Any]:
    _write(folder / f"{stem}.dcm", item.content)
    return {
        "kind": str(item.kind),
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


def _load_object(folder: Path, entry: dict[str, Any]) -> ResultObject:
    content = _read(folder / entry["file"])
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise SpoolObjectMissing(f"{folder / entry['file']} was altered")
    return ResultObject(
        kind=ObjectKind(entry["kind"]),
        sop_class_uid=entry["sop_class_uid"],
        sop_instance_uid=entry["sop_instance_uid"],
        series_uid=entry["series_uid"],
        content=content,
        alternatives=tuple(_load_object(folder, form) for form in entry["alternatives"]),
    )


def _write(path: Path, content: bytes) -> None:
    """Write so that the name holds either nothing, the old or the whole new content, also after a power cut."""
    try:
        with whole_file(path, synced=True) as stream:
            stream.write(content)
    except OSError as error:
        raise SpoolUnavailable(f"{path}: {error.strerror}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SpoolObjectMissing(str(path)) from error
    except OSError as error:
        raise SpoolUnavailable(f"{path}: {error.strerror}") from error


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
