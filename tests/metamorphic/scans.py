"""Small phantom scans as DICOM slices that can be varied, written and read back through the whole analyser.

A scan is a list of ``Slice``: header and pixels apart, so that a variation touches what it means and nothing else.
What the product read is compared with the phantom's own array, never with an earlier reading of the product.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.result import StudyResult
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import scan_folder
from trabecula.phantom.anatomy_types import Sex
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import datasets
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import PhantomPatient, sample_patient
from trabecula.phantom.protocols import CtProtocol, MrProtocol, MrSequence, Phase, Weighting
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomSeries, PhantomStudy

SMALL_CT = CtProtocol(pixel_mm=4.125, matrix=(48, 42), thickness_mm=5.0, increment_mm=5.0, slices=18)
SMALL_MR = MrProtocol(pixel_mm=4.125, matrix=(64, 50), thickness_mm=5.0, gap_mm=0.5, slices=7)


@dataclass(frozen=True)
class Slice:
    """One image: its header without pixels, its measured values (HU, or stored values of MR) and how to store them.

    ``stored`` = (value - intercept) / slope as ``dtype``; ``rescale`` False leaves slope and intercept out.
    """

    header: Dataset
    values: NDArray[np.int32]
    slope: float = 1.0
    intercept: float = 0.0
    dtype: str = "<i2"
    bits_stored: int = 16
    rescale: bool = True
    syntax: str = ExplicitVRLittleEndian
    name: str = ""

    def put(self, **values: object) -> Slice:
        """Return the slice with other header values; None takes an attribute away."""
        header = _copied(self.header)
        for keyword, value in values.items():
            tag = tag_for_keyword(keyword)
            assert tag is not None, keyword
            if value is None:
                if tag in header:
                    del header[tag]
            else:
                header[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
        return replace(self, header=header)

    def get(self, keyword: str) -> Any:
        """Return a header value."""
        return self.header.get(keyword)


@dataclass(frozen=True)
class Scan:
    """A scan by role with the truth of its volume."""

    role: str
    slices: tuple[Slice, ...]
    truth: Volume
    study_uid: str = field(default="")


def person() -> PhantomPatient:
    """A woman of 68 whose L1 lies near the lower threshold, so that small errors change the category."""
    return sample_patient(3, 5, sex=Sex.FEMALE, age_years=68, density_l1=100.0)


@cache
def ct_study(phase: Phase = Phase.NATIVE, protocol: CtProtocol = SMALL_CT) -> PhantomStudy:
    """Return the small CT study of a phase."""
    return make_ct_study(CtStudySpec(person(), CtProtocol(**{**vars(protocol), "phase": phase})))


@cache
def mr_study(protocol: MrProtocol = SMALL_MR) -> PhantomStudy:
    """Return the small MR study: T1 and T2."""
    both = (MrSequence(weighting=Weighting.T1), MrSequence(weighting=Weighting.T2))
    return make_mr_study(MrStudySpec(person(), MrProtocol(**{**vars(protocol), "sequences": both})))


@cache
def scan_of(study: PhantomStudy, role: str) -> Scan:
    """Return the slices of one series of a phantom study."""
    series = study.series_of(role)
    slices = tuple(_slice(item) for item in datasets(study, series))
    return Scan(role, slices, _truth(series), study.study_uid)


def _slice(dataset: Dataset) -> Slice:
    shape = (dataset.Rows, dataset.Columns)
    stored = np.frombuffer(dataset.PixelData, "<u2").reshape(shape).astype(np.int32)
    intercept = int(dataset.get("RescaleIntercept", 0))
    for keyword in ("PixelData", "RescaleSlope", "RescaleIntercept", "RescaleType"):
        if keyword in dataset:
            delattr(dataset, keyword)
    rescale = dataset.Modality == "CT"
    if not rescale:
        return Slice(dataset, stored, 1.0, 0.0, "<u2", 12, rescale=False)
    return Slice(dataset, stored + intercept, 1.0, float(intercept), "<u2", 12)


def _truth(series: PhantomSeries) -> Volume:
    volume = series.volume
    low = -1024 if volume.modality.value == "CT" else 0
    return volume.with_array(np.clip(np.rint(volume.array), low, low + 4095).astype(np.float32))


def write(slices: Iterable[Slice], folder: Path) -> None:
    """Write each slice as a file; names follow ``Slice.name`` or the place in the sequence."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        for number, item in enumerate(slices):
            dataset = as_dataset(item)
            syntax = dataset.file_meta.TransferSyntaxUID
            dataset.save_as(
                folder / (item.name or f"IM{number:05d}.dcm"),
                implicit_vr=syntax.is_implicit_VR,
                little_endian=syntax.is_little_endian,
                enforce_file_format=True,
            )


def as_dataset(item: Slice) -> Dataset:
    """Return the slice as a data set with its pixels encoded in its transfer syntax."""
    dataset = _copied(item.header)
    stored = np.rint((item.values - item.intercept) / item.slope)
    signed = "i" in item.dtype
    described = {
        "BitsAllocated": int(np.dtype(item.dtype).itemsize * 8),
        "BitsStored": item.bits_stored,
        "HighBit": item.bits_stored - 1,
        "PixelRepresentation": int(signed),
        "Rows": item.values.shape[0],
        "Columns": item.values.shape[1],
    }
    if item.rescale:
        described |= {"RescaleSlope": f"{item.slope:.10g}", "RescaleIntercept": f"{item.intercept:.10g}"}
        if item.get("RescaleType") is None and dataset.Modality == "CT":
            described |= {"RescaleType": "HU"}
    for keyword, value in described.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        dataset[tag] = DataElement(tag, dictionary_VR(tag), value)
    kind = np.iinfo(np.dtype(item.dtype))
    limit = 2 ** (item.bits_stored - int(signed))
    low, high = (-limit, limit - 1) if signed else (0, limit - 1)
    pixels = np.clip(stored, max(low, kind.min), min(high, kind.max)).astype(item.dtype)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    return _encoded(dataset, pixels, item.syntax)


def _encoded(dataset: Dataset, pixels: NDArray[Any], syntax: str) -> Dataset:
    wanted = UID(syntax)
    if wanted.is_encapsulated:
        dataset.compress(wanted, generate_instance_uid=False)
    elif not wanted.is_little_endian:
        dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    dataset.file_meta.TransferSyntaxUID = wanted
    return dataset


def _copied(header: Dataset) -> Dataset:
    """Return a data set with the same elements; ``copy.copy`` would share the table of elements."""
    copied = Dataset()
    copied.update(header)
    return copied


class VolumeRecorder:
    """A segmenter that finds nothing and remembers every volume it was asked to outline (Segmenter port)."""

    def __init__(self) -> None:
        self.volumes: list[Volume] = []

    @property
    def identity(self) -> SegmenterIdentity:
        """A name of its own."""
        return SegmenterIdentity("recorder", "1", "0" * 64)

    def segment(self, volume: Volume) -> Segmentation:
        """Remember the volume; answer that nothing was found in it."""
        self.volumes.append(volume)
        empty = np.zeros(volume.array.shape, dtype=np.uint8)
        return Segmentation(labels=empty, bodies=(), segmenter=self.identity, quality=0.0, numbering="", tissues=empty)


@dataclass(frozen=True)
class Reading:
    """What the analyser made of a folder: its result and the volumes it would have outlined, in order."""

    result: StudyResult
    volumes: tuple[Volume, ...]


def read(slices: Sequence[Slice], folder: Path) -> Reading:
    """Write the slices, run the analyser over the folder, and return what it read."""
    write(slices, folder)
    files = scan_folder(folder)
    recorder = VolumeRecorder()
    uid = str(slices[0].get("StudyInstanceUID"))
    result = StudyAnalyser(recorder, (), _thresholds()).analyse(uid, 1, files).result
    return Reading(result, tuple(recorder.volumes))


@cache
def _thresholds() -> Any:
    return load_thresholds()


def canonical(volume: Volume) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return array and affine with axes along z, y, x of LPS, each growing: the same for every order of storage."""
    axes = np.abs(volume.geometry.directions).argmax(axis=0)
    order = [int(np.flatnonzero(axes == lps)[0]) for lps in (2, 1, 0)]
    array = np.transpose(volume.array, order)
    affine = volume.geometry.affine.copy()
    affine[:, :3] = affine[:, order]
    for place, lps in enumerate((2, 1, 0)):
        if affine[lps, place] < 0:
            affine[:3, 3] += affine[:3, place] * (array.shape[place] - 1)
            affine[:3, place] *= -1
            array = np.flip(array, axis=place)
    return np.ascontiguousarray(array), affine


def differences(found: Volume, truth: Volume, tolerance: float = 0.51) -> Mapping[str, object]:
    """Return what differs between a volume that was read and the truth; empty where they are the same.

    Values may differ by ``tolerance`` (HU, or stored units of MR), corners by 0.1 mm.
    """
    array, affine = canonical(found)
    wanted, place = canonical(truth)
    if array.shape != wanted.shape:
        return {"shape": (array.shape, wanted.shape)}
    last = np.array([[0, 0, 0, 1], [*(size - 1 for size in array.shape), 1]], dtype=np.float64).T
    apart = float(np.abs(affine @ last - place @ last).max())
    wrong = float(np.abs(array - wanted).max())
    faults: dict[str, object] = {}
    if apart > 0.1:
        faults["corners_mm"] = apart
    if wrong > tolerance:
        faults["values"] = wrong
    return faults
