"""Volumes from DICOM: the pixels of a regular stack as float32, rescaled, with what the scanner did not measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut

from trabecula.domain.errors import GeometryInvalid, PixelDataUndecodable, SpoolObjectMissing
from trabecula.domain.modality import Modality
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.header_values import Lookup, number
from trabecula.imaging.headers.frames import lenient, read_headers
from trabecula.imaging.limits import PADDING
from trabecula.imaging.pixels import DECODE_ERRORS, Cache, stored_values
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import Stack, split


class SeriesLoader:
    """Reads the volume of exactly these instances in this order (implements the VolumeLoader port)."""

    def load(
        self, files: Sequence[StoredFile], sop_instance_uids: Sequence[InstanceUid], frames: Sequence[int | None] = ()
    ) -> Volume:
        """Return the volume whose slices are ``sop_instance_uids`` in order, and ``frames`` of them where multi-frame.

        Without ``frames`` (label maps kept by an earlier release) the first stack of as many frames is read.
        Raises GeometryInvalid when the instances do not form a volume, SpoolObjectMissing and PixelDataUndecodable.
        """
        wanted = set(sop_instance_uids)
        found, _, unreadable = read_headers([file for file in files if file.sop_instance_uid in wanted])
        if unreadable:
            raise SpoolObjectMissing(f"{len(unreadable)} of {len(wanted)} instances")
        if frames:
            by_place = {(frame.file.sop_instance_uid, frame.number): frame for frame in found}
            places = list(zip(sop_instance_uids, frames, strict=True))
            lost = [place for place in places if place not in by_place]
            if lost:
                raise SpoolObjectMissing(f"{len(lost)} of {len(places)} frames")
            return load_volume(_as_ordered([by_place[place] for place in places]))
        return self._by_instances(found, sop_instance_uids)

    def _by_instances(self, frames: Sequence[Frame], sop_instance_uids: Sequence[InstanceUid]) -> Volume:
        wanted = set(sop_instance_uids)
        if len(wanted) == len(sop_instance_uids):
            order = {uid: place for place, uid in enumerate(sop_instance_uids)}
            found = sorted((frame for frame in frames), key=lambda frame: order[frame.file.sop_instance_uid])
            if [frame.file.sop_instance_uid for frame in found] == list(sop_instance_uids):
                return load_volume(_as_ordered(found))
            raise SpoolObjectMissing(f"{len(wanted) - len(found)} of {len(wanted)} instances")
        for stack in split(frames):
            regular = check_geometry(stack)
            if isinstance(regular, RegularStack) and len(regular.frames) == len(sop_instance_uids):
                return load_volume(regular)
        raise GeometryInvalid(f"no stack of {len(sop_instance_uids)} frames")


def _as_ordered(frames: Sequence[Frame]) -> RegularStack:
    regular = check_geometry(Stack(tuple(frames)))
    if not isinstance(regular, RegularStack):
        raise GeometryInvalid(regular.sentence)
    if tuple(regular.frames) == tuple(frames):
        return regular
    if tuple(reversed(regular.frames)) != tuple(frames):
        raise GeometryInvalid("the instances are not in the order of their positions")
    affine = np.array(regular.geometry.affine)
    affine[:3, 3] += affine[:3, 0] * (regular.geometry.shape[0] - 1)
    affine[:3, 0] *= -1
    return RegularStack(tuple(frames), Geometry(regular.geometry.shape, affine))


def load_volume(stack: RegularStack) -> Volume:
    """Return the volume of a regular stack. Raises PixelDataUndecodable."""
    array = np.empty(stack.geometry.shape, dtype=np.float32)
    padding: NDArray[np.bool_] | None = None
    cache: Cache = {}
    modality = Modality(stack.frames[0].acquisition.modality)
    with lenient():
        for index, frame in enumerate(stack.frames):
            dataset, stored = stored_values(frame, cache)
            array[index] = _rescaled(dataset, stored, frame)
            empty = _padding(dataset, stored, array[index], modality)
            if empty is not None and empty.any():
                padding = np.zeros(array.shape, dtype=np.bool_) if padding is None else padding
                padding[index] = empty
    if padding is not None and modality is Modality.CT:
        array[padding] = PADDING.padding_replacement_hu
    if not np.isfinite(array).all():
        raise PixelDataUndecodable(f"values that are not numbers in series {stack.frames[0].acquisition.series_uid}")
    uids = tuple(frame.file.sop_instance_uid for frame in stack.frames)
    numbers = tuple(frame.number for frame in stack.frames)
    multiframe = any(number is not None for number in numbers)
    return Volume(
        array=array,
        geometry=stack.geometry,
        modality=modality,
        source_uids=uids,
        padding=padding,
        source_frames=numbers if multiframe else (),
    )


def _lookup(dataset: Dataset, frame: Frame) -> Lookup:
    if frame.number is None:
        return Lookup(dataset)
    own = dataset.PerFrameFunctionalGroupsSequence[frame.number - 1]
    shared = dataset.get("SharedFunctionalGroupsSequence")
    return Lookup(dataset, (own, shared[0] if shared else Dataset()))


def _rescaled(dataset: Dataset, stored: NDArray[np.integer[Any]], frame: Frame) -> NDArray[np.float32]:
    """Apply the Modality LUT (PS3.3 C.11.1): a table where there is one, else slope and intercept."""
    if dataset.get("ModalityLUTSequence"):
        try:
            return np.asarray(apply_modality_lut(stored, dataset), dtype=np.float32)
        except DECODE_ERRORS as error:
            raise PixelDataUndecodable(f"the Modality LUT of {frame.file.sop_instance_uid} is not usable") from error
    lookup = _lookup(dataset, frame)
    slope, intercept = number(lookup, "RescaleSlope"), number(lookup, "RescaleIntercept")
    values = stored.astype(np.float32)
    if slope not in (None, 0.0, 1.0):
        values *= np.float32(slope)
    if intercept:
        values += np.float32(intercept)
    return values


def _padding(
    dataset: Dataset, stored: NDArray[np.integer[Any]], values: NDArray[np.float32], modality: Modality
) -> NDArray[np.bool_] | None:
    """Pixel Padding Value and Range Limit (0028,0120/0121); on CT also the fill values that come without the tag."""
    empty: NDArray[np.bool_] | None = None
    first = number(dataset, "PixelPaddingValue")
    if first is not None:
        last = number(dataset, "PixelPaddingRangeLimit")
        low, high = sorted((first, first if last is None else last))
        empty = np.asarray((stored >= low) & (stored <= high))
    if modality is Modality.CT:
        fill = values <= PADDING.padding_below_hu
        empty = np.asarray(fill if empty is None else empty | fill)
    return empty
