"""DICOM SEGs of drawn spines, as other products and readers write them."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, generate_uid

from tests.segmentation.drawn_spines import LEVELS, draw_spine, spine_grid, spine_volume
from trabecula.domain.spine import Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import Geometry, Volume

MANUAL = hd.seg.SegmentAlgorithmTypeValues.MANUAL
AUTOMATIC = hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC
GEOMETRY = spine_grid("axial", (2.5, 1.4, 1.4))
FRAME_OF_REFERENCE = generate_uid(entropy_srcs=["frame of reference"])
SERIES = generate_uid(entropy_srcs=["series"])
CODES = {
    Level.L3: Code("36470004", "SCT", "L3 vertebra"),
    Level.L4: Code("11994002", "SCT", "L4 vertebra"),
    Level.L5: Code("49668003", "SCT", "L5 vertebra"),
}
BODY = Code("3572006", "SCT", "Vertebral body")
VERTEBRA = Code("51282000", "SCT", "Vertebra")
CANAL = Code("61853006", "SCT", "Vertebral canal")
TISSUE = Code("85756007", "SCT", "Tissue")
STRUCTURE = Code("123037004", "SCT", "Anatomical Structure")

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def source_images(geometry: Geometry) -> list[Dataset]:
    images = []
    for index in range(geometry.shape[0]):
        image = Dataset()
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, generate_uid(entropy_srcs=["slice", str(index)])
        image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(entropy_srcs=["study"]), SERIES
        image.FrameOfReferenceUID = FRAME_OF_REFERENCE
        image.Modality, image.PatientID, image.PatientName = "CT", "1", "A^B"
        image.PatientBirthDate = image.PatientSex = image.StudyDate = image.StudyTime = image.AccessionNumber = ""
        image.StudyID, image.ReferringPhysicianName, image.InstanceNumber = "", "", index + 1
        image.Rows, image.Columns = geometry.shape[1:]
        image.PixelSpacing = [geometry.spacing_mm[1], geometry.spacing_mm[2]]
        image.SliceThickness = geometry.spacing_mm[0]
        image.ImageOrientationPatient = [*geometry.directions[:, 2], *geometry.directions[:, 1]]
        image.ImagePositionPatient = list(geometry.to_lps(np.array([index, 0.0, 0.0])))
        images.append(image)
    return images


def description(
    number: int, label: str, kind: Code, made: hd.seg.SegmentAlgorithmTypeValues = MANUAL
) -> hd.seg.SegmentDescription:
    program = hd.AlgorithmIdentificationSequence("program", Code("123110", "DCM", "Artificial Intelligence"), "1")
    return hd.seg.SegmentDescription(number, label, STRUCTURE, kind, made, None if made is MANUAL else program)


def write_seg(
    path: Path,
    masks: np.ndarray,
    descriptions: list[hd.seg.SegmentDescription],
    geometry: Geometry = GEOMETRY,
    kind: str = "BINARY",
    maker: str = "Other Maker",
) -> StoredFile:
    """``masks`` is bool or 0-1 ``[slice, row, column, segment]``."""
    seg = hd.seg.Segmentation(
        source_images=source_images(geometry),
        pixel_array=masks,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer=maker,
        manufacturer_model_name="Spine",
        software_versions="7",
        device_serial_number="1",
    )
    seg.save_as(path)
    return StoredFile(str(path), seg.SOPInstanceUID, seg.SOPClassUID, seg.SeriesInstanceUID)


def stacked(labels: np.ndarray) -> np.ndarray:
    return np.stack([labels == level.label for level in LEVELS], axis=-1).astype(np.uint8)


def volume(geometry: Geometry = GEOMETRY) -> Volume:
    plain = spine_volume(geometry)
    uids = tuple(image.SOPInstanceUID for image in source_images(geometry))
    return Volume(array=plain.array, geometry=geometry, modality=plain.modality, source_uids=uids)


def bodies_seg(path: Path, kind: str = "BINARY", maker: str = "Other Maker") -> StoredFile:
    described = [description(place + 1, f"{level} body", CODES[level]) for place, level in enumerate(LEVELS)]
    masks = stacked(draw_spine(GEOMETRY)[0])
    return write_seg(path, masks.astype(float) if kind == "FRACTIONAL" else masks, described, kind=kind, maker=maker)
