"""The port that reads pixels of chosen instances again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid

if TYPE_CHECKING:
    from trabecula.domain.volume import Volume


class VolumeLoader(Protocol):
    """Port: reads the pixels of chosen instances again, e.g. when a report is written after the analysis."""

    def load(
        self, files: Sequence[StoredFile], sop_instance_uids: Sequence[InstanceUid], frames: Sequence[int | None] = ()
    ) -> Volume:
        """Return the volume of exactly these instances, one slice each, in this order (for a multi-frame instance its
        UID repeats, and ``frames`` are the numbers of its frames as in ``Volume.source_frames``). Raises
        GeometryInvalid, PixelDataUndecodable, SpoolObjectMissing."""
        ...
