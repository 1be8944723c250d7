"""Writes phantom studies as DICOM files (CT Image Storage, MR Image Storage; PS3.3 A.3, A.4), one file per slice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage

from trabecula.domain.identity import derived_uid
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Volume
from trabecula.phantom.patient import PhantomPatient
from trabecula.phantom.study import PhantomSeries, PhantomStudy

FIRST_DAY = date(2026, 1, 5)
"""Study date of phantom 0; phantom n was scanned n days later."""

TRUTH_FILE = "truth.json"

_CT_OFFSET = 1024
_STORED_BITS = 12


def write_study(study: PhantomStudy, folder: Path) -> list[Path]:
    """Write every image below ``folder`` (one folder per series) and ``truth.json`` beside them.

    Returns the paths of the DICOM files in the order a scanner would send them; the same study gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for series in study.series:
        target = folder / f"S{series.number:03d}"
        target.mkdir(exist_ok=True)
        for index, dataset in enumerate(datasets(study, series), start=1):
            path = target / f"IM{index:04d}.dcm"
            dataset.save_as(path, enforce_file_format=True)
            paths.append(path)
    (folder / TRUTH_FILE).write_text(study.truth.to_json(), encoding="utf-8")
    return paths


def datasets(study: PhantomStudy, series: PhantomSeries) -> Iterator[Dataset]:
    """Yield the data sets of one series, its other stacks (localizers) last."""
    common = _common(study, series)
    instance = 0
    for volume in (series.volume, *series.more):
        skipped = series.omitted if volume is series.volume else frozenset[int]()
        pixels = _stored(volume)
        for index in range(volume.geometry.shape[0]):
            instance += 1
            if index not in skipped:
                yield _instance(
                    study, series, common=common, volume=volume, pixels=pixels[index], index=index, instance=instance
                )


def _stored(volume: Volume) -> NDArray[np.uint16]:
    offset = _CT_OFFSET if volume.modality is Modality.CT else 0
    stored = np.clip(np.rint(volume.array) + offset, 0, 2**_STORED_BITS - 1)
    return np.asarray(stored, dtype=np.uint16)


def study_moment(patient: PhantomPatient) -> datetime:
    """Return when a phantom was scanned: a date that follows from its number, never the clock."""
    day = FIRST_DAY + timedelta(days=patient.number % 3000)
    return datetime(day.year, day.month, day.day, 9, 0, 0)


def _common(study: PhantomStudy, series: PhantomSeries) -> Dataset:
    """Patient, study, series, frame of reference, equipment and image attributes that all slices share."""
    patient, moment = study.patient, study_moment(study.patient)
    born = date(moment.year - patient.age_years, 1, 1 + patient.number % 4)
    modality = series.volume.modality
    values: dict[str, object] = {
        "SOPClassUID": CTImageStorage if modality is Modality.CT else MRImageStorage,
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": f"PHANTOM^{patient.number:04d}",
        "PatientID": patient.patient_id,
        "IssuerOfPatientID": "TRABECULA PHANTOM",
        "PatientBirthDate": f"{born:%Y%m%d}",
        "PatientSex": patient.sex.value[0].upper(),
        "PatientAge": f"{patient.age_years:03d}Y",
        "PatientSize": round(patient.height_cm / 100, 3),
        "PatientWeight": patient.weight_kg,
        "PatientComments": "Digital phantom, not a person",
        "StudyInstanceUID": study.study_uid,
        "StudyID": str(patient.number),
        "StudyDate": f"{moment:%Y%m%d}",
        "StudyTime": f"{moment:%H%M%S}",
        "StudyDescription": study.description,
        "AccessionNumber": f"PH{patient.number:06d}",
        "ReferringPhysicianName": "",
        "SeriesInstanceUID": series.uid,
        "SeriesNumber": series.number,
        "SeriesDate": f"{moment:%Y%m%d}",
        "SeriesTime": f"{moment + timedelta(minutes=5 * series.number):%H%M%S}",
        "Modality": modality.value,
        "FrameOfReferenceUID": study.frame_of_reference_uid,
        "PositionReferenceIndicator": "",
        "InstitutionName": "Digital phantom",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": _STORED_BITS,
        "HighBit": _STORED_BITS - 1,
        "PixelRepresentation": 0,
        **study.header,
        **series.header,
    }
    if modality is Modality.CT:
        values |= {"RescaleIntercept": -_CT_OFFSET, "RescaleSlope": 1}
        values |= {"WindowCenter": 300, "WindowWidth": 1500}
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _instance(
    study: PhantomStudy,
    series: PhantomSeries,
    common: Dataset,
    volume: Volume,
    pixels: NDArray[np.uint16],
    index: int,
    instance: int,
) -> Dataset:
    geometry = volume.geometry
    dataset = Dataset()
    dataset.update(common)
    moment = study_moment(study.patient) + timedelta(minutes=5 * series.number, milliseconds=40 * instance)
    position = geometry.to_lps(np.array([index, 0, 0]))
    normal = np.cross(geometry.directions[:, 2], geometry.directions[:, 1])
    dataset.SOPInstanceUID = derived_uid("instance", series.uid, str(instance))
    dataset.InstanceNumber = instance
    dataset.AcquisitionNumber = 1
    dataset.AcquisitionDate = dataset.ContentDate = f"{moment:%Y%m%d}"
    dataset.AcquisitionTime = dataset.ContentTime = f"{moment:%H%M%S.%f}"
    dataset.ImagePositionPatient = [round(float(value), 4) for value in position]
    directions = (*geometry.directions[:, 2], *geometry.directions[:, 1])
    dataset.ImageOrientationPatient = [round(float(value), 6) + 0.0 for value in directions]
    dataset.SliceLocation = round(float(position @ normal), 3)
    dataset.PixelSpacing = [round(geometry.spacing_mm[1], 5), round(geometry.spacing_mm[2], 5)]
    dataset.Rows, dataset.Columns = pixels.shape
    if volume.modality is Modality.MR:
        dataset.WindowCenter, dataset.WindowWidth = _window(series)
    dataset.PixelData = pixels.tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def _window(series: PhantomSeries) -> tuple[int, int]:
    """Window centre and width that show an MR series well."""
    high = float(np.percentile(series.volume.array[::2, ::4, ::4], 99.0))
    return max(round(high / 2), 1), max(round(high), 2)
