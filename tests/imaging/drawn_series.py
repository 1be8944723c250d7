"""Small DICOM series drawn by hand: any stack of frames as files, and a lumbar spine of simple bodies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

from tests.regions.drawn_bodies import BodyShape, draw_body
from trabecula.domain.results.reasons import Reason
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue, Volume

STUDY_UID = "2.25.1"
CT_TAGS: dict[str, object] = {
    "Modality": "CT",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "KVP": "120",
    "ConvolutionKernel": "B30f",
    "Manufacturer": "SIEMENS",
    "RescaleSlope": "1",
    "RescaleIntercept": "0",
    "SeriesDescription": "Abdomen nativ",
}
MR_TAGS: dict[str, object] = {
    "Modality": "MR",
    "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
    "ScanningSequence": "SE",
    "RepetitionTime": "600",
    "EchoTime": "10",
    "MagneticFieldStrength": "1.5",
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "Avanto",
    "SeriesDescription": "T1 TSE sag",
}


def axial(shape: tuple[int, int, int], spacing: tuple[float, float, float], top_z: float = 0.0) -> Geometry:
    """An axial stack from foot to head, centred on x and y, whose first slice lies at ``top_z``."""
    affine = np.zeros((4, 4))
    affine[:, :] = np.eye(4)
    affine[:3, :3] = np.array([[0, 0, spacing[2]], [0, spacing[1], 0], [spacing[0], 0, 0]])
    affine[:3, 3] = (-spacing[2] * (shape[2] - 1) / 2, -spacing[1] * (shape[1] - 1) / 2, top_z)
    return Geometry(shape, affine)


def sagittal(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> Geometry:
    """A sagittal stack from right to left, centred; rows go from head to foot, columns to posterior."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([[spacing[0], 0, 0], [0, 0, spacing[2]], [0, -spacing[1], 0]])
    half = (np.array(shape) - 1) / 2
    affine[:3, 3] = -affine[:3, :3] @ half
    return Geometry(shape, affine)


def write_stack(
    folder: Path,
    array: NDArray[np.generic],
    geometry: Geometry,
    tags: dict[str, object],
    *,
    series: int = 1,
    first: int = 1,
    skip: Iterable[int] = (),
) -> list[Path]:
    """Write each slice as one file, signed 16 bit; ``tags`` are DICOM keywords; slices in ``skip`` are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    left_out = set(skip)
    for index in range(geometry.shape[0]):
        if index in left_out:
            continue
        dataset = _dataset(geometry, index, tags, series, first + index)
        dataset.PixelData = np.ascontiguousarray(array[index]).astype("<i2").tobytes()
        path = folder / f"{series}-{first + index:04d}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def _dataset(geometry: Geometry, index: int, tags: dict[str, object], series: int, number: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage if tags["Modality"] == "CT" else MRImageStorage
    dataset.SOPInstanceUID = f"2.25.1.{series}.{number}"
    dataset.StudyInstanceUID = STUDY_UID
    dataset.SeriesInstanceUID = f"2.25.1.{series}"
    dataset.FrameOfReferenceUID = "2.25.9"
    dataset.SeriesNumber = series
    dataset.InstanceNumber = number
    dataset.PatientSex, dataset.PatientBirthDate, dataset.StudyDate = "F", "19500101", "20200101"
    dataset.Rows, dataset.Columns = geometry.shape[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    dataset.PixelSpacing = [f"{geometry.spacing_mm[1]:.6g}", f"{geometry.spacing_mm[2]:.6g}"]
    dataset.SliceThickness = f"{geometry.spacing_mm[0]:.6g}"
    cosines = [*geometry.directions[:, 2], *geometry.directions[:, 1]]
    dataset.ImageOrientationPatient = [f"{value:.8g}" for value in cosines]
    place = geometry.to_lps(np.array([float(index), 0.0, 0.0]))
    dataset.ImagePositionPatient = [f"{value:.8g}" for value in place]
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
PITCH_MM = 36.0
SHAPE = BodyShape(width=44.0, depth=32.0, anterior=27.0, posterior=27.0)


@dataclass(frozen=True, eq=False)
class DrawnSpine:
    """A straight spine of six bodies with its truth, on one grid."""

    geometry: Geometry
    labels: NDArray[np.uint8]
    tissues: NDArray[np.uint8]

    def body(self, level: Level) -> NDArray[np.bool_]:
        return np.asarray(self.labels == level.label)


def centre_of(level: Level) -> tuple[float, float, float]:
    """LPS centre of a body; L3 lies at the origin."""
    return (0.0, 0.0, PITCH_MM * (Level.L3.value - level.value))


def draw_spine(
    geometry: Geometry, shapes: dict[Level, BodyShape] | None = None, levels: Sequence[Level] = LEVELS
) -> DrawnSpine:
    """Draw the bodies, the discs between them and a canal behind them."""
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    tissues = np.zeros(geometry.shape, dtype=np.uint8)
    x, y, z = np.moveaxis(geometry.to_lps(np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float)), -1, 0)
    column = (np.abs(x) < 20) & (np.abs(y) < 15) & (np.abs(z) < 3.2 * PITCH_MM)
    tissues[column] = TISSUE_LABELS[Tissue.DISC]
    tissues[(x**2 + (y - 26) ** 2 < 81) & (np.abs(z) < 3.2 * PITCH_MM)] = TISSUE_LABELS[Tissue.CANAL]
    for level in levels:
        mask = draw_body(geometry, (shapes or {}).get(level, SHAPE), np.eye(3), centre_of(level))
        labels[mask] = level.label
        tissues[mask] = TISSUE_LABELS[Tissue.BODY]
    return DrawnSpine(geometry, labels, tissues)


def ct_image(spine: DrawnSpine, hu: dict[Level, float], seed: int = 1, noise: float = 12.0) -> NDArray[np.float64]:
    """HU of muscle all around a belt of fat, discs, canal, and bodies with their own mean."""
    rng = np.random.default_rng(seed)
    x, y, _ = np.moveaxis(
        spine.geometry.to_lps(np.moveaxis(np.indices(spine.geometry.shape), 0, -1).astype(float)), -1, 0
    )
    image = np.where((np.abs(x) > 62) | (np.abs(y) > 62), -100.0, 55.0)
    image[spine.tissues == TISSUE_LABELS[Tissue.DISC]] = 80.0
    image[spine.tissues == TISSUE_LABELS[Tissue.CANAL]] = 20.0
    for level, value in hu.items():
        image[spine.body(level)] = value
    return np.round(image + rng.normal(0, noise, image.shape))


def mr_image(
    spine: DrawnSpine, marrow: float = 900.0, csf: float = 300.0, disc: float = 500.0, seed: int = 2
) -> NDArray[np.float64]:
    """Signals of marrow, discs, fluid and muscle with a little noise, and air behind the back (the last columns)."""
    rng = np.random.default_rng(seed)
    image = np.full(spine.geometry.shape, 450.0)
    image[spine.tissues == TISSUE_LABELS[Tissue.DISC]] = disc
    image[spine.tissues == TISSUE_LABELS[Tissue.CANAL]] = csf
    image[spine.labels > 0] = marrow
    image = np.round(image + rng.normal(0, 15, image.shape))
    image[..., -4:] = np.round(np.abs(rng.normal(0, 15, image[..., -4:].shape)))
    return image


@dataclass
class DrawnSegmenter:
    """Answers with the truth of drawn spines of the same in-plane size; anything else has no bodies."""

    spines: Sequence[DrawnSpine]
    reasons: tuple[Reason, ...] = ()
    metal: dict[Level, float] = field(default_factory=dict)
    quality: float = 0.95
    seen: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def identity(self) -> SegmenterIdentity:
        return SegmenterIdentity("drawn", "1", "0" * 64)

    def segment(self, volume: Volume) -> Segmentation:
        self.seen.append(volume.geometry.shape)
        labels = np.zeros(volume.geometry.shape, dtype=np.uint8)
        tissues = np.zeros(volume.geometry.shape, dtype=np.uint8)
        for spine in self.spines:
            if spine.geometry.shape[1:] == volume.geometry.shape[1:] and spine.geometry.plane is volume.geometry.plane:
                places = _slices(spine.geometry, volume.geometry)
                labels, tissues = spine.labels[places], spine.tissues[places]
        bodies = tuple(
            SegmentedBody(
                label=level.label,
                level=level,
                quality=self.quality,
                metal_share=self.metal.get(level, 0.0),
                centroid_mm=_centre(labels == level.label, volume.geometry),
            )
            for level in Level
            if (labels == level.label).any()
        )
        return Segmentation(
            labels=labels,
            bodies=bodies,
            segmenter=self.identity,
            quality=self.quality,
            numbering="counted from the sacrum",
            tissues=tissues,
            numbering_reasons=self.reasons,
        )


def _centre(mask: NDArray[np.bool_], geometry: Geometry) -> tuple[float, float, float]:
    x, y, z = geometry.to_lps(np.argwhere(mask).mean(axis=0))
    return float(x), float(y), float(z)


def _slices(drawn: Geometry, read: Geometry) -> list[int]:
    corners = [read.to_lps(np.array([float(index), 0.0, 0.0])) for index in range(read.shape[0])]
    return [round(float(drawn.to_index(corner)[0])) for corner in corners]


def write_enhanced(path: Path, array: NDArray[np.generic], geometry: Geometry, order: Sequence[int]) -> Path:
    """Write one Enhanced MR image (T1w spin echo) whose frames come in ``order`` of the slices."""
    dataset = _dataset(geometry, 0, {**MR_TAGS, "SOPClassUID": EnhancedMRImageStorage}, 7, 1)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "EchoTime"):
        delattr(dataset, keyword)
    for keyword in ("RepetitionTime", "ScanningSequence", "RescaleSlope", "RescaleIntercept"):
        if keyword in dataset:
            delattr(dataset, keyword)
    dataset.EchoPulseSequence = "SPIN"
    dataset.NumberOfFrames = len(order)
    cosines = [*geometry.directions[:, 2], *geometry.directions[:, 1]]
    shared = Dataset()
    shared.PixelMeasuresSequence = [
        _item(PixelSpacing=list(geometry.spacing_mm[1:]), SliceThickness=geometry.spacing_mm[0])
    ]
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[float(value) for value in cosines])]
    shared.MRTimingAndRelatedParametersSequence = [_item(RepetitionTime=600.0, FlipAngle=90.0)]
    shared.MREchoSequence = [_item(EffectiveEchoTime=10.0)]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index in order:
        place = [float(value) for value in geometry.to_lps(np.array([float(index), 0.0, 0.0]))]
        own = Dataset()
        own.PlanePositionSequence = [_item(ImagePositionPatient=[round(value, 6) for value in place])]
        own.PixelValueTransformationSequence = [_item(RescaleSlope=2.0, RescaleIntercept=0.0)]
        frames.append(own)
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.PixelData = np.ascontiguousarray(array[list(order)] / 2).astype("<i2").tobytes()
    dataset.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def hu(value: float) -> dict[Level, float]:
    """The same attenuation at every level."""
    return dict.fromkeys(LEVELS, value)
