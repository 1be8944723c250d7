"""An analysis as it is handed over: the result, and the measured volumes with their label maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.study import StoredFile

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trabecula.domain.volume import Volume


@dataclass(frozen=True)
class AnalysedVolume:
    """A measured series with its label map on the series' own grid (uint8, domain.spine labels).

    ``files`` are ordered like the slices of the volume; reporting reads the headers from them. A multi-frame instance
    is one file, ``volume.source_uids`` then repeats its UID and ``volume.source_frames`` says which of its frames.
    """

    volume: Volume
    labels: NDArray[np.uint8]
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Analysis:
    """What the analyser hands over: the result and the volumes it was measured on (primary first; may be empty)."""

    result: StudyResult
    volumes: tuple[AnalysedVolume, ...]
