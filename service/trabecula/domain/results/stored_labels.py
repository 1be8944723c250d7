"""A label map as it is kept on disk, and the slices that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trabecula.domain.uids import InstanceUid, SeriesUid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class StoredLabels:
    """A label map as kept: ``labels`` uint8 ``[slice, row, column]``, the SOP Instance of each slice, and the files
    (SOP Instance UIDs in the order of the slices; one for a multi-frame instance). ``frames`` are the numbers of the
    slices' frames as in ``Volume.source_frames``; empty without multi-frame instances."""

    labels: NDArray[np.uint8]
    sop_instance_uids: tuple[InstanceUid, ...]
    file_uids: tuple[InstanceUid, ...]
    series_uid: SeriesUid
    frames: tuple[int | None, ...] = ()
