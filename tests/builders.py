"""Small DICOM data sets and files, built from nothing, for tests that send or read them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    UID,
    ComprehensiveSRStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
)

UID_ROOT = "1.2.826.0.1.3680043.8.498.77"


def uid(*numbers: int) -> str:
    """Return a UID that is distinct for distinct numbers."""
    return ".".join((UID_ROOT, *(str(number) for number in numbers)))


def image(
    study: int = 1, series: int = 1, number: int = 1, *, sop_class: str = CTImageStorage, rows: int = 16
) -> Dataset:
    """Return an axial image of noise, ``rows`` squared pixels of 16 bits, seeded by its numbers."""
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 192"
    data_set.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data_set.SOPClassUID = sop_class
    data_set.SOPInstanceUID = uid(study, series, number)
    data_set.StudyDate = "20260102"
    data_set.Modality = "MR" if ".1.4" in sop_class[-5:] else "CT"
    data_set.Manufacturer = "Phantom"
    data_set.PatientName = "Probe^Patient"
    data_set.PatientID = f"P{study}"
    data_set.StudyInstanceUID = uid(study)
    data_set.SeriesInstanceUID = uid(study, series)
    data_set.SeriesNumber = series
    data_set.InstanceNumber = number
    data_set.ImagePositionPatient = [0, 0, number]
    data_set.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.Rows = rows
    data_set.Columns = rows
    data_set.BitsAllocated = 16
    data_set.BitsStored = 16
    data_set.HighBit = 15
    data_set.PixelRepresentation = 1
    pixels = np.random.default_rng((study, series, number)).integers(-1000, 1000, (rows, rows), dtype=np.int16)
    data_set.PixelData = pixels.tobytes()
    data_set["PixelData"].VR = "OW"
    return data_set


def document(study: int = 1, number: int = 1, sop_class: str = ComprehensiveSRStorage) -> Dataset:
    """Return a minimal data set of a class without pixels."""
    data_set = Dataset()
    data_set.SOPClassUID = sop_class
    data_set.SOPInstanceUID = uid(study, 900, number)
    data_set.Modality = "SR"
    data_set.Manufacturer = "Phantom"
    data_set.PatientName = "Probe^Patient"
    data_set.PatientID = f"P{study}"
    data_set.StudyInstanceUID = uid(study)
    data_set.SeriesInstanceUID = uid(study, 900)
    data_set.InstanceNumber = number
    return data_set


def part10(data_set: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the data set as a file in a transfer syntax; the content of a compressed frame is opaque bytes."""
    written = Dataset()
    written.update(data_set)
    syntax = UID(transfer_syntax)
    if syntax.is_encapsulated and "PixelData" in written:
        written.PixelData = encapsulate([bytes(data_set.PixelData)[:200]])
        written["PixelData"].VR = "OB"
        written["PixelData"].is_undefined_length = True
    written.file_meta = FileMetaDataset()
    written.file_meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    written.file_meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    written.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    written.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def encoded(data_set: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the data set alone in a transfer syntax, without preamble and File Meta Information."""
    return without_head(part10(data_set, transfer_syntax))


def encoded_plain(data_set: Dataset, transfer_syntax: str) -> bytes:
    """Return a data set that is no instance (an action or event information) in a native transfer syntax."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = UID(transfer_syntax).is_implicit_VR
    buffer.is_little_endian = UID(transfer_syntax).is_little_endian
    write_dataset(buffer, data_set)
    return buffer.getvalue()


def without_head(file: bytes) -> bytes:
    """Return what follows the File Meta Information of a Part 10 file."""
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]


def write_series(folder: Path, count: int, *, study: int = 1, series: int = 1, rows: int = 16) -> list[Path]:
    """Write a CT series and return its files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(1, count + 1):
        path = folder / f"{study}-{series}-{number}.dcm"
        path.write_bytes(part10(image(study, series, number, rows=rows)))
        paths.append(path)
    return paths


def read(path: Path) -> Dataset:
    """Read a file."""
    return dcmread(path)
