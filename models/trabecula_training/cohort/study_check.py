"""What a study folder holds, read from headers and one decoded image per role: checked before any costly work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydicom

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.frames import READ_ERRORS, lenient, read_headers, scan_folder, study_of
from trabecula.series.choice import Candidate, Choice, choose

_DECODE_ERRORS = (*READ_ERRORS, RuntimeError, MemoryError)
"""What pydicom's decoders raise for pixel data that cannot be read."""

DICOM_PREFIX = b"DICM"
PREFIX_AT = 128


@dataclass(frozen=True, kw_only=True)
class FolderFacts:
    """What one folder holds.

    ``images`` and ``damaged`` count files; ``studies`` are the Study Instance UIDs; ``series`` counts per role the
    series that may be measured; ``refused`` says why the others may not; ``undecodable`` names per role what is wrong
    with the pixels of its best series. ``age_years`` and ``sex`` are the images' own, None and empty where not given.
    ``mask`` and ``mask_reader_2`` say what is wrong with the masks of one's own.
    """

    images: int = 0
    damaged: int = 0
    modalities: frozenset[str] = frozenset()
    studies: frozenset[str] = frozenset()
    series: Mapping[SeriesRole, int] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    undecodable: Mapping[SeriesRole, str] = field(default_factory=dict)
    age_years: float | None = None
    sex: str = ""
    mask: str = ""
    mask_reader_2: str = ""


def read_study(folder: Path, roles: Sequence[SeriesRole]) -> FolderFacts:
    """Return what a folder holds. Never raises for content: what cannot be read is counted as damaged."""
    files = scan_folder(folder)
    frames, patient, unreadable = read_headers(files)
    choice = choose(frames)
    of_series = {file.series_uid: file for file in files}
    best = {role: choice.of(role)[0] for role in roles if choice.of(role)}
    return FolderFacts(
        images=len(files),
        damaged=len(unreadable) + _damaged(folder, files),
        modalities=frozenset(frame.acquisition.modality for frame in frames),
        studies=frozenset(study_of(file) for file in of_series.values()),
        series={role: len({item.series_uid for item in choice.of(role)}) for role in SeriesRole if choice.of(role)},
        refused=_refusals(choice),
        undecodable={role: why for role, candidate in best.items() if (why := _pixel_problem(candidate))},
        age_years=patient.age_years,
        sex=patient.sex,
    )


def _damaged(folder: Path, files: Sequence[StoredFile]) -> int:
    """Files that say they are DICOM and cannot be read."""
    known = {file.path for file in files}
    return sum(_claims_dicom(path) for path in folder.rglob("*") if path.is_file() and str(path.resolve()) not in known)


def _claims_dicom(path: Path) -> bool:
    if path.name.upper() == "DICOMDIR":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(PREFIX_AT + len(DICOM_PREFIX))
    except OSError:
        return True
    return path.suffix.lower() in (".dcm", ".ima") or head[PREFIX_AT:] == DICOM_PREFIX


def _refusals(choice: Choice) -> tuple[str, ...]:
    told = [f"{reason.code.sentence} {reason.detail}".strip() for reason in choice.refused]
    return tuple(dict.fromkeys(told))


def _pixel_problem(candidate: Candidate) -> str:
    """Decode the middle image, and weigh the others: a file too short for its matrix was cut off. Empty when well."""
    frames = candidate.stack.frames
    middle = frames[len(frames) // 2]
    try:
        with lenient():
            dataset = pydicom.dcmread(middle.file.path)
            compressed = dataset.file_meta.TransferSyntaxUID.is_compressed
            needed = 0 if compressed else dataset.pixel_array.nbytes
            if compressed:
                _ = dataset.pixel_array
    except _DECODE_ERRORS as error:
        return f"pixel data cannot be decoded ({type(error).__name__})"
    short = _shorter_than(frames, needed)
    return f"{short} of {len(frames)} images are cut off" if short else ""


def _shorter_than(frames: Sequence[Frame], needed: int) -> int:
    """Count files smaller than their pixels; 12-bit packing does not occur in CT and MR images."""
    sizes = {frame.file.path: Path(frame.file.path).stat().st_size for frame in frames}
    return sum(size < needed for size in sizes.values())
