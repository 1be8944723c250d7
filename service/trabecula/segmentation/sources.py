"""What can be segmented on its own: a folder of DICOM or a volume file, opened as volumes in the order to be tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.errors import GeometryInvalid, InputUnreadable, PixelDataUndecodable
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason
from trabecula.domain.segmentation import Segmentation, Segmenter
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import NO_SERIES, SeriesUid
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split
from trabecula.imaging.volumes.dicom import load_volume
from trabecula.imaging.volumes.files import (
    VolumeFile,
    is_volume_file,
    read_volume_file,
    sagittal_readings,
    write_label_file,
    write_labels_of,
)
from trabecula.series.choice import choose

_ENOUGH_BODIES = 2
_MOST_SERIES = 3


@dataclass(frozen=True, eq=False)
class Readable:
    """One volume that may be segmented: what it is, how to load it, and how its labels are written."""

    facts: dict[str, Any]
    load: Callable[[], Volume]
    write: Callable[[Path, NDArray[np.uint8]], None]


@dataclass(frozen=True, eq=False)
class SegmentedInput:
    """The volume that was taken, with its segmentation."""

    readable: Readable
    volume: Volume
    segmentation: Segmentation


@dataclass(frozen=True, eq=False)
class SegmentationInput:
    """Everything a path holds: volumes in the order to be tried, the DICOM files, and why series were refused."""

    readables: tuple[Readable, ...]
    files: tuple[StoredFile, ...] = ()
    refused: tuple[Reason, ...] = ()


def open_input(path: Path, modality: Modality | None = None, series_uid: SeriesUid = NO_SERIES) -> SegmentationInput:
    """Open a folder of DICOM, one DICOM file, or a volume file.

    Raises InputUnreadable where nothing can be read, GeometryInvalid where no image has a place in the patient.
    """
    if not path.exists():
        raise InputUnreadable(f"{path} does not exist")
    if path.is_file() and is_volume_file(path):
        return SegmentationInput(
            tuple(_of_file(reading) for reading in sagittal_readings(read_volume_file(path, modality)))
        )
    files = scan_folder(path)
    if files:
        return _of_dicom(path, files, modality, series_uid)
    volumes = sorted(item for item in path.iterdir() if is_volume_file(item)) if path.is_dir() else []
    if len(volumes) == 1:
        return open_input(volumes[0], modality, series_uid)
    if volumes:
        raise InputUnreadable(f"{path} holds {len(volumes)} volume files; name one of them")
    raise InputUnreadable(f"{path} holds no DICOM image and is no NIfTI, NRRD or MHA volume")


def segment_input(source: SegmentationInput, segmenter: Segmenter) -> SegmentedInput:
    """Segment the volumes in their order until one shows two bodies; return the best of those tried.

    Raises what the segmenter raises, and PixelDataUndecodable where no series could be decoded.
    """
    best: SegmentedInput | None = None
    fault: PixelDataUndecodable | None = None
    alternatives = len({str(readable.facts.get("series_uid")) for readable in source.readables}) == 1
    for readable in source.readables[:_MOST_SERIES]:
        try:
            volume = readable.load()
        except PixelDataUndecodable as error:
            fault = error
            continue
        found = SegmentedInput(readable, volume, segmenter.segment(volume))
        if best is None or _worth(found) > _worth(best):
            best = found
        if not alternatives and len(best.segmentation.bodies) >= _ENOUGH_BODIES:
            break
    if best is None:
        raise fault or InputUnreadable("nothing could be read")
    return best


def _worth(found: SegmentedInput) -> float:
    return sum(body.quality for body in found.segmentation.bodies)


def _of_file(source: VolumeFile) -> Readable:
    facts = {
        "kind": "file",
        "series_uid": "",
        "modality": source.volume.modality.value,
        "modality_guessed": source.modality_guessed,
        "oriented": source.oriented,
    }
    return Readable(facts, lambda: source.volume, lambda path, labels: write_label_file(path, labels, source))


def _of_dicom(
    path: Path, files: tuple[StoredFile, ...], modality: Modality | None, series_uid: SeriesUid
) -> SegmentationInput:
    frames, _, _ = read_headers(files)
    if not frames:
        raise InputUnreadable(f"{path} holds no CT or MR image")
    choice = choose(frames)
    stacks = [candidate.stack for candidate in choice.candidates]
    refused = list(choice.refused)
    taken = {id(frame) for stack in stacks for frame in stack.frames}
    others = []
    for stack in split(frames):
        regular = check_geometry(stack)
        if isinstance(regular, RegularStack) and not any(id(frame) in taken for frame in regular.frames):
            others.append(regular)
        elif isinstance(regular, Reason):
            refused.append(regular)
    others.sort(key=lambda stack: -len(stack.frames))
    readables = tuple(_of_stacks([*stacks, *others], modality, series_uid))
    if not readables:
        wanted = f" of series {series_uid}" if series_uid else ""
        wanted += f" of modality {modality.value}" if modality else ""
        why = "; ".join(dict.fromkeys(reason.sentence for reason in refused))
        raise GeometryInvalid(f"no volume{wanted} in {path.name}{': ' + why if why else ''}")
    return SegmentationInput(readables, files, tuple(refused))


def _of_stacks(stacks: list[RegularStack], modality: Modality | None, series_uid: SeriesUid) -> Iterator[Readable]:
    for stack in stacks:
        made = stack.frames[0].acquisition
        if (series_uid and made.series_uid != series_uid) or (modality and made.modality != modality.value):
            continue
        facts = {
            "kind": "dicom",
            "series_uid": made.series_uid,
            "modality": made.modality,
            "modality_guessed": False,
            "oriented": True,
        }
        yield Readable(facts, _loader(stack), _writer(stack))


def _loader(stack: RegularStack) -> Callable[[], Volume]:
    return lambda: load_volume(stack)


def _writer(stack: RegularStack) -> Callable[[Path, NDArray[np.uint8]], None]:
    return lambda path, labels: write_labels_of(path, labels, stack.geometry)
