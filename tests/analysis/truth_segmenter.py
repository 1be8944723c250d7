"""A segmenter that knows the truth: gives a phantom's own bodies and tissues on the volume that was read back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.reasons import Reason
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import level_of_label
from trabecula.domain.volume import Geometry, Volume
from trabecula.phantom.anatomy.tissue import NETWORK_CLASS
from trabecula.phantom.study import PhantomSeries, PhantomStudy


class TruthSegmenter:
    """Implements the Segmenter port for the series of phantom studies; an unknown volume has no bodies."""

    def __init__(
        self, studies: Sequence[PhantomStudy], reasons: tuple[Reason, ...] = (), quality: float = 0.95
    ) -> None:
        self._series = [series for study in studies for series in study.series if series.labels is not None]
        self._reasons = reasons
        self._quality = quality
        self.calls = 0

    @property
    def identity(self) -> SegmenterIdentity:
        return SegmenterIdentity("truth", "1", "0" * 64)

    def segment(self, volume: Volume) -> Segmentation:
        self.calls += 1
        series = next((item for item in self._series if _matches(item.volume.geometry, volume.geometry)), None)
        labels = np.zeros(volume.array.shape, dtype=np.uint8)
        tissues = np.zeros(volume.array.shape, dtype=np.uint8)
        if series is not None:
            labels, tissues = _on_grid(series, volume.geometry)
        bodies = tuple(
            SegmentedBody(label=int(label), level=level_of_label(int(label)), quality=self._quality)
            for label in np.unique(labels)
            if label and int((labels == label).sum()) > 20
        )
        return Segmentation(
            labels=labels,
            bodies=bodies,
            segmenter=self.identity,
            quality=self._quality,
            numbering="counted from the sacrum",
            tissues=tissues,
            numbering_reasons=self._reasons,
        )


def _matches(one: Geometry, other: Geometry) -> bool:
    spacing = np.allclose(sorted(one.spacing_mm), sorted(other.spacing_mm), atol=0.01)
    centre = one.to_lps((np.array(one.shape) - 1) / 2)
    apart = np.linalg.norm(other.to_lps((np.array(other.shape) - 1) / 2) - centre)
    return one.plane is other.plane and one.shape[1:] == other.shape[1:] and bool(spacing) and float(apart) < 60.0


def _on_grid(series: PhantomSeries, geometry: Geometry) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    assert series.labels is not None
    assert series.tissue is not None
    corners = [geometry.to_lps(np.array([float(index), 0.0, 0.0])) for index in range(geometry.shape[0])]
    places = [round(float(series.volume.geometry.to_index(corner)[0])) for corner in corners]
    return series.labels[places].copy(), NETWORK_CLASS[series.tissue[places]]
