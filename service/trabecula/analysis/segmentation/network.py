"""The default segmenter: our own network, from a volume to named and outlined bodies with their quality."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.segmentation.bundle import SegmenterBundle, load_bundle
from trabecula.analysis.segmentation.inference import Maps, Network
from trabecula.analysis.segmentation.instances import find_instances
from trabecula.analysis.segmentation.judgement import judge_body, judge_study
from trabecula.analysis.segmentation.levels import check_ribs, find_anchor, name_bodies
from trabecula.analysis.segmentation.mapping import paint_body, paint_tissues
from trabecula.analysis.segmentation.preprocess import cut_stack, find_axes, intensity_of, lay_grid, side_step
from trabecula.analysis.segmentation.quality import calibrated, features_of
from trabecula.analysis.segmentation.reading import Reading
from trabecula.analysis.segmentation.ribs import find_ribs
from trabecula.analysis.segmentation.search import Finding, find_spine
from trabecula.analysis.segmentation.stack import Grid
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.volume import TISSUE_LABELS, Modality, Tissue, Volume

_COUNTED_AGAINST_HEADER = 5
"""Bodies that must be counted where the image seems to stand against its header, for names to be given."""
_TISSUES = {"s1": Tissue.SACRUM, "ilium": Tissue.BACKGROUND, "rib": Tissue.BACKGROUND}


class NetworkSegmenter:
    """Segments with the network of a bundle; ``threads`` for the network alone (everything else uses one)."""

    def __init__(self, bundle_dir: Path, threads: int = 1) -> None:
        self._bundle = load_bundle(bundle_dir)
        self._network = Network(self._bundle.weights, self._bundle.classes, self._bundle.multiple, threads)

    @property
    def bundle(self) -> SegmenterBundle:
        """The verified bundle this segmenter runs."""
        return self._bundle

    @property
    def identity(self) -> SegmenterIdentity:
        """Our name, the bundle's version and the hash of its weights."""
        return SegmenterIdentity("trabecula-spine", self._bundle.version, self._bundle.weights_sha256)

    def segment(self, volume: Volume) -> Segmentation:
        """Name and outline the bodies of a volume; one without a spine gives none and a reason."""
        begun = time.perf_counter()
        reading = self.read(volume)
        return self.finish(volume, reading, time.perf_counter() - begun)

    def finish(self, volume: Volume, reading: Reading, network_s: float = 0.0) -> Segmentation:
        """Carry a reading of ``volume`` back to its voxels and judge it; ``network_s`` is what the reading took."""
        begun = time.perf_counter()
        result = self._carry_back(volume, reading)
        timings = {"network": network_s, "mapping": time.perf_counter() - begun}
        return Segmentation(
            labels=result.labels,
            bodies=result.bodies,
            segmenter=self.identity,
            quality=float(np.mean([body.quality for body in result.bodies])) if result.bodies else 0.0,
            numbering=reading.naming.how,
            tissues=result.tissues,
            reasons=judge_study(reading.instances, reading.naming, reading.finding.reversed, reading.grid.side_step_mm),
            timings_s=timings,
        )

    def read(self, volume: Volume) -> Reading:
        """Run the network and take its maps apart, on the stack."""
        intensity = intensity_of(volume, self._bundle.ct_window_hu, self._bundle.mr_percentiles)
        finding = find_spine(volume, find_axes(volume), self._network, intensity)
        grid = lay_grid(finding.axes, finding.span, side_step(finding.axes, volume.modality))
        maps = self._network.predict(cut_stack(volume, grid, intensity))
        return self._take_apart(grid, maps, finding, self.rim_share(volume.modality))

    def read_again(self, reading: Reading, rim_share: float) -> Reading:
        """Take a reading's maps apart anew, with another part of the rim counted as body."""
        return self._take_apart(reading.grid, reading.maps, reading.finding, rim_share)

    def _take_apart(self, grid: Grid, maps: Maps, finding: Finding, rim: float) -> Reading:
        anchor = find_anchor(maps, grid.side_step_mm)
        instances = find_instances(maps, grid.side_step_mm, rim, anchor is not None)
        naming = name_bodies(instances, anchor, grid.side_step_mm)
        if finding.reversed and sum(level is not None for level in naming.levels) < _COUNTED_AGAINST_HEADER:
            naming = name_bodies(instances, None, grid.side_step_mm)
        naming = check_ribs(naming, find_ribs(maps, instances, grid.side_step_mm))
        return Reading(grid, maps, instances, anchor, naming, features_of(maps, instances), finding)

    def rim_share(self, modality: Modality) -> float:
        """The part of the rim that counts as body (the border convention), by modality."""
        return self._bundle.threshold(f"rim_share_{modality.value.lower()}", 1.0 if modality is Modality.CT else 0.0)

    def _carry_back(self, volume: Volume, reading: Reading) -> _Carried:
        labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
        tissues = np.zeros(volume.geometry.shape, dtype=np.uint8)
        grid, instances = reading.grid, reading.instances
        order = grid.axes.order
        seen = np.transpose(labels, order)
        paint_tissues(np.transpose(tissues, order), grid, self._tissue_table()[reading.maps.best_class()])
        bodies: list[SegmentedBody] = []
        unknown = FIRST_UNKNOWN_LABEL
        boxes = ndimage.find_objects(instances.basins)
        for body, level, features in zip(instances.bodies, reading.naming.levels, reading.features, strict=True):
            label = level.label if level is not None else unknown
            unknown += level is None
            box = _widen(boxes[body.number - 1], grid.shape)
            basin = instances.basins[box] == body.number
            voxels = paint_body(seen, grid, instances.bodyness, basin, box, label)
            if voxels:
                volume_mm3 = voxels * volume.geometry.voxel_volume_mm3
                quality = calibrated(features, self._bundle.calibration)
                centre = grid.points_mm(volume.geometry, np.array([body.centre]))[0]
                place = (float(centre[0]), float(centre[1]), float(centre[2]))
                judged = judge_body(body, level, quality, reading, self._bundle.threshold)
                bodies.append(SegmentedBody(label, level, quality, not body.edge, place, volume_mm3, judged))
        if reading.anchor is not None and reading.naming.levels.count(None) < len(reading.naming.levels):
            bodies.append(self._carry_s1(volume, reading, seen))
        return _Carried(labels, tissues, tuple(bodies))

    def _carry_s1(self, volume: Volume, reading: Reading, seen: NDArray[np.uint8]) -> SegmentedBody:
        anchor, grid = reading.anchor, reading.grid
        assert anchor is not None
        box = _widen(ndimage.find_objects(anchor.mask.astype(np.uint8))[0], grid.shape)
        near = ndimage.binary_dilation(anchor.mask[box], iterations=2)
        voxels = paint_body(seen, grid, reading.maps.probability("s1"), near, box, Level.S1.label)
        centre = grid.points_mm(volume.geometry, np.array([anchor.centre]))[0]
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        volume_mm3 = voxels * volume.geometry.voxel_volume_mm3
        return SegmentedBody(Level.S1.label, Level.S1, anchor.sureness, True, place, volume_mm3)

    def _tissue_table(self) -> NDArray[np.uint8]:
        names = [_TISSUES.get(name) or Tissue(name) for name in self._bundle.classes]
        return np.array([TISSUE_LABELS[name] for name in names], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class _Carried:
    labels: NDArray[np.uint8]
    tissues: NDArray[np.uint8]
    bodies: tuple[SegmentedBody, ...]


def _widen(box: tuple[slice, ...], shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    parts = [slice(max(b.start - 2, 0), min(b.stop + 2, size)) for b, size in zip(box, shape, strict=True)]
    return parts[0], parts[1], parts[2]
