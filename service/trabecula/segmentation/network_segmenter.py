"""The default segmenter: our own network, from a volume to named and outlined bodies with their quality."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.modality import Modality
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.segmentation.limits import OUTLINE
from trabecula.segmentation.naming.anchor import find_anchor, is_squared, settle_junction
from trabecula.segmentation.naming.last_ribs import find_last_ribs
from trabecula.segmentation.naming.levels import check_ribs, name_bodies, with_last_ribs, with_squared_s1
from trabecula.segmentation.naming.ribs import find_ribs
from trabecula.segmentation.network.bundle import SegmenterBundle, load_bundle
from trabecula.segmentation.network.closeups import Camera
from trabecula.segmentation.network.grids import Grid, axes_of, lay_grid, side_step
from trabecula.segmentation.network.inference import Maps, NetworkSession
from trabecula.segmentation.network.instances import Instances, StackBody, find_instances
from trabecula.segmentation.network.mapping import MappedOutline, paint_body, paint_tissues
from trabecula.segmentation.network.preprocess import Intensity, cut_stack, intensity_of
from trabecula.segmentation.network.quality import BodyFeatures, calibrated, features_of
from trabecula.segmentation.network.refiner import FineMaps, Refiner
from trabecula.segmentation.network.search import find_spine
from trabecula.segmentation.reading import Reading

_COUNTED_AGAINST_HEADER = 5
"""Bodies that must be counted where the image seems to stand against its header, for names to be given."""
_TISSUES = {"s1": Tissue.SACRUM, "ilium": Tissue.BACKGROUND, "rib": Tissue.BACKGROUND}


class NetworkSegmenter:
    """Segments with the network of a bundle; ``threads`` for the network alone (everything else uses one)."""

    def __init__(self, bundle_dir: Path, threads: int = 1) -> None:
        self._bundle = load_bundle(bundle_dir)
        self._network = NetworkSession(self._bundle.weights, self._bundle.classes, self._bundle.multiple, threads)
        finer = self._bundle.refiner
        self._refiner = Refiner(finer.weights, finer.classes, threads) if finer else None

    @property
    def bundle(self) -> SegmenterBundle:
        """The verified bundle this segmenter runs."""
        return self._bundle

    @property
    def identity(self) -> SegmenterIdentity:
        """Our name, the bundle's version and the hash of its weights."""
        bundle = self._bundle
        return SegmenterIdentity("trabecula-spine", bundle.version, bundle.weights_sha256, bundle.trained_on)

    def segment(self, volume: Volume) -> Segmentation:
        """Name and outline the bodies of a volume; one without a spine gives none."""
        begun = time.perf_counter()
        reading = self.read(volume)
        return self.finish(volume, reading, time.perf_counter() - begun)

    def finish(self, volume: Volume, reading: Reading, network_s: float = 0.0) -> Segmentation:
        """Carry a reading of ``volume`` back to its voxels; ``network_s`` is what the reading took, in seconds."""
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
            numbering_reasons=reading.naming.reasons,
            against_header=reading.finding.reversed,
            timings_s=timings,
        )

    def read(self, volume: Volume) -> Reading:
        """Run the network and take its maps apart, on the stack."""
        intensity = intensity_of(volume, self._bundle.ct_window_hu, self._bundle.mr_percentiles)
        finding = find_spine(volume, axes_of(volume.geometry), self._network, intensity)
        grid = lay_grid(finding.axes, finding.span, side_step(finding.axes, volume.modality))
        maps = self._network.predict(cut_stack(volume, grid, intensity))
        rim, first = self.rim_share(volume.modality), find_anchor(maps)
        found = find_instances(maps, grid.side_step_mm, rim, first is not None)
        junction = settle_junction(maps, found, first)
        anchor, instances = junction.anchor, junction.instances
        fine = self._look_closely(volume, grid, maps, instances, intensity)
        features = _agreed(features_of(maps, instances), maps, instances, fine)
        poor = self._poor(features) if grid.shape[0] == 1 else None
        naming = name_bodies(instances, anchor, grid.side_step_mm, poor, junction.doubt)
        if finding.reversed and sum(level is not None for level in naming.levels) < _COUNTED_AGAINST_HEADER:
            naming = name_bodies(instances, None, grid.side_step_mm)
        naming = check_ribs(naming, find_ribs(maps, instances, grid.side_step_mm))
        if not finding.reversed:
            naming = with_last_ribs(naming, instances, find_last_ribs(volume, grid, instances), grid.side_step_mm)
        if is_squared(maps, junction):
            naming = with_squared_s1(naming)
        return Reading(
            grid=grid,
            maps=maps,
            instances=instances,
            anchor=anchor,
            naming=naming,
            features=features,
            finding=finding,
            rim_share=rim,
            fine=fine,
        )

    def read_again(self, reading: Reading, rim_share: float) -> Reading:
        """The same reading with another part of the rim counted as body."""
        side_mm = reading.grid.side_step_mm
        first = find_anchor(reading.maps)
        found = find_instances(reading.maps, side_mm, rim_share, first is not None)
        return replace(reading, instances=settle_junction(reading.maps, found, first).instances, rim_share=rim_share)

    def _look_closely(
        self, volume: Volume, grid: Grid, maps: Maps, instances: Instances, intensity: Intensity
    ) -> tuple[FineMaps | None, ...]:
        """The refiner's maps of every body; nothing without a refiner."""
        if self._refiner is None:
            return ()
        camera = Camera(volume, grid, maps, instances, intensity)
        return tuple(self._refiner.refine(camera, body.number, instances.marrow) for body in instances.bodies)

    def _poor(self, features: tuple[BodyFeatures, ...]) -> list[bool]:
        """Which bodies of a single slice are outlined too poorly to count across: no other slice makes up for them."""
        return [calibrated(item, self._bundle.calibration) < OUTLINE.minimum_quality for item in features]

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
        for place, (body, level) in enumerate(zip(instances.bodies, reading.naming.levels, strict=True)):
            label = level.label if level is not None else unknown
            unknown += level is None
            voxels = paint_body(seen, grid, self._outline(reading, place), label)
            if voxels:
                volume_mm3 = voxels * volume.geometry.voxel_volume_mm3
                quality = calibrated(reading.features[place], self._bundle.calibration)
                centre = grid.points_mm(volume.geometry, np.array([body.centre]))[0]
                middle = (float(centre[0]), float(centre[1]), float(centre[2]))
                bodies.append(
                    SegmentedBody(
                        label=label,
                        level=level,
                        quality=quality,
                        complete=not body.edge,
                        centroid_mm=middle,
                        volume_mm3=volume_mm3,
                        metal_share=_metal_share(reading, body),
                    )
                )
        if reading.anchor is not None and reading.naming.levels.count(None) < len(reading.naming.levels):
            bodies.append(self._carry_s1(volume, reading, seen))
        return _Carried(labels, tissues, tuple(bodies))

    def _outline(self, reading: Reading, place: int) -> MappedOutline:
        """What the outline of body number ``place`` (from head to foot) is drawn from."""
        instances, grid = reading.instances, reading.grid
        basin = instances.basins == instances.bodies[place].number
        fine = reading.fine[place] if reading.fine else None
        if fine is not None:
            basin |= _beside(basin) & (instances.basins == 0)
        box = _widen(ndimage.find_objects(basin.view(np.uint8))[0], grid.shape)
        return MappedOutline(
            box=box,
            basin=basin[box],
            probability=instances.bodyness[box],
            fine=fine,
            fine_share=self._bundle.threshold("fine_share", 1.0),
            rim_share=reading.rim_share,
        )

    def _carry_s1(self, volume: Volume, reading: Reading, seen: NDArray[np.uint8]) -> SegmentedBody:
        anchor, grid = reading.anchor, reading.grid
        assert anchor is not None
        box = _widen(ndimage.find_objects(anchor.mask.astype(np.uint8))[0], grid.shape)
        near = ndimage.binary_dilation(anchor.mask[box], iterations=2)
        outline = MappedOutline(box=box, basin=near, probability=reading.maps.probability(*anchor.classes)[box])
        voxels = paint_body(seen, grid, outline, Level.S1.label)
        centre = grid.points_mm(volume.geometry, np.array([anchor.centre]))[0]
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        volume_mm3 = voxels * volume.geometry.voxel_volume_mm3
        return SegmentedBody(
            label=Level.S1.label,
            level=Level.S1,
            quality=anchor.sureness,
            complete=True,
            centroid_mm=place,
            volume_mm3=volume_mm3,
        )

    def _tissue_table(self) -> NDArray[np.uint8]:
        names = [_TISSUES.get(name) or Tissue(name) for name in self._bundle.classes]
        return np.array([TISSUE_LABELS[name] for name in names], dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class _Carried:
    labels: NDArray[np.uint8]
    tissues: NDArray[np.uint8]
    bodies: tuple[SegmentedBody, ...]


def _agreed(
    features: tuple[BodyFeatures, ...], maps: Maps, instances: Instances, fine: tuple[FineMaps | None, ...]
) -> tuple[BodyFeatures, ...]:
    """The features of bodies with how far the network and the refiner agree on each."""
    with_rim = maps.probability(*instances.marrow, "rim") > 0.5
    found = []
    for item, body, close in zip(features, instances.bodies, fine or (None,) * len(features), strict=True):
        basin = instances.basins == body.number
        found.append(replace(item, agreement=close.agreement(with_rim, basin)) if close else item)
    return tuple(found)


def _metal_share(reading: Reading, body: StackBody) -> float:
    """The part of a body's basin that the network calls metal."""
    metal = reading.maps.probability("metal")[reading.instances.basins == body.number]
    return float((metal > 0.5).mean()) if metal.size else 0.0


def _beside(basin: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What lies one plane to the left or to the right: a body's outermost slices are the refiner's to judge."""
    beside = np.zeros_like(basin)
    beside[1:] |= basin[:-1]
    beside[:-1] |= basin[1:]
    return beside


def _widen(box: tuple[slice, ...], shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    parts = [slice(max(b.start - 2, 0), min(b.stop + 2, size)) for b, size in zip(box, shape, strict=True)]
    return parts[0], parts[1], parts[2]
