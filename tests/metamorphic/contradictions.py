"""Variations after which the images contradict one another: never a value without a reason, never two scans in one.

A contradiction returns slices and the truths that a volume may come from. Each slice of what is read must be a slice of
ONE of them, at its place; which slices are forbidden (those that lost their rescale values, say) is named too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from pydicom.uid import generate_uid

from tests.metamorphic.scans import Scan, Slice, ct_study, scan_of
from trabecula.domain.volume import Volume
from trabecula.phantom.protocols import Phase

Random = np.random.Generator


@dataclass(frozen=True)
class Contradiction:
    """Slices that contradict one another; ``truths`` a volume may come from; ``forbidden`` SOP Instance UIDs.

    ``measurable`` False: nothing may be measured at all.
    """

    slices: Sequence[Slice]
    truths: tuple[Volume, ...]
    forbidden: frozenset[str] = field(default_factory=frozenset)
    measurable: bool = True


Make = Callable[[Scan, Random], Contradiction]
_ALL: dict[str, Make] = {}
_CT: dict[str, Make] = {}


def contradictions_of(role: str) -> dict[str, Make]:
    """Return the contradictions of a scan of this role, by name."""
    return _ALL | (_CT if role == "CT" else {})


def _contradiction(of: dict[str, Make]) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        of[make.__name__] = make
        return make

    return add


def _uid(item: Slice, word: str) -> Slice:
    return item.put(SOPInstanceUID=generate_uid(entropy_srcs=[str(item.get("SOPInstanceUID")), word]))


def _uids(slices: Sequence[Slice]) -> frozenset[str]:
    return frozenset(str(item.get("SOPInstanceUID")) for item in slices)


def _some(scan: Scan, random: Random, least: int, most: int) -> list[int]:
    return sorted(
        int(i) for i in random.choice(len(scan.slices), size=int(random.integers(least, most + 1)), replace=False)
    )


def _moved(item: Slice, by_mm: float) -> Slice:
    rows = np.array([float(value) for value in item.get("ImageOrientationPatient")])
    place = np.array([float(value) for value in item.get("ImagePositionPatient")]) + by_mm * np.cross(
        rows[:3], rows[3:]
    )
    return item.put(ImagePositionPatient=[f"{value:.4f}" for value in place])


def _second_scan(scan: Scan, random: Random) -> tuple[list[Slice], Volume, float]:
    """The same person after contrast agent in the same series; told apart by number, time, agent or several of them."""
    later = scan_of(ct_study(Phase.PORTAL), "CT")
    step = float(scan.truth.geometry.spacing_mm[0])
    shift = step * float(random.choice([0.0, 0.3, 0.5, 0.02]))
    tells = [name for name, told in zip(("number", "time", "agent"), random.integers(0, 2, 3), strict=True) if told]
    if not tells:
        tells = ["number", "time"]
    renumber = bool(random.integers(0, 2))
    slices = []
    for index, (item, first) in enumerate(zip(later.slices, scan.slices, strict=True)):
        changed = _moved(_uid(item, "second"), shift).put(
            SeriesInstanceUID=first.get("SeriesInstanceUID"),
            StudyInstanceUID=first.get("StudyInstanceUID"),
            FrameOfReferenceUID=first.get("FrameOfReferenceUID"),
            SeriesDescription=first.get("SeriesDescription"),
            ProtocolName=first.get("ProtocolName"),
            AcquisitionNumber=2 if "number" in tells else 1,
            AcquisitionTime="093000" if "time" in tells else first.get("AcquisitionTime"),
            ContentTime="093000" if "time" in tells else first.get("ContentTime"),
            InstanceNumber=index + 1 + (0 if renumber else len(scan.slices)),
        )
        if "agent" in tells:
            changed = changed.put(ContrastBolusAgent="Ultravist 370", ContrastBolusRoute="IV")
        else:
            changed = changed.put(ContrastBolusAgent=None, ContrastBolusRoute=None)
        slices.append(changed)
    geometry = later.truth.geometry
    affine = geometry.affine.copy()
    rows = np.array([float(value) for value in scan.slices[0].get("ImageOrientationPatient")])
    affine[:3, 3] += shift * np.cross(rows[:3], rows[3:])
    truth = Volume(
        array=later.truth.array, geometry=type(geometry)(geometry.shape, affine), modality=later.truth.modality
    )
    return slices, truth, shift


@_contradiction(_CT)
def two_scans_in_one_series(scan: Scan, random: Random) -> Contradiction:
    """Native and venous scan of the whole range: at the same places, or between them."""
    later, truth, _ = _second_scan(scan, random)
    return Contradiction([*scan.slices, *later], (scan.truth, truth))


@_contradiction(_CT)
def second_scan_of_a_part(scan: Scan, random: Random) -> Contradiction:
    """The second scan covers a part of the range only."""
    later, truth, _ = _second_scan(scan, random)
    ordered = sorted(later, key=lambda item: float(item.get("ImagePositionPatient")[2]))
    share = int(len(ordered) * random.uniform(0.4, 0.8))
    part = ordered[:share] if random.random() < 0.5 else ordered[-share:]
    return Contradiction([*scan.slices, *part], (scan.truth, truth))


@_contradiction(_CT)
def two_scans_that_nothing_tells_apart(scan: Scan, random: Random) -> Contradiction:
    """Other pixels at the same places under the same header: which belongs to which cannot be known."""
    later, truth, _ = _second_scan(scan, random)
    native = [
        item.put(
            AcquisitionNumber=1,
            AcquisitionTime="090000",
            ContentTime="090000",
            ImagePositionPatient=first.get("ImagePositionPatient"),
            ContrastBolusAgent=None,
            ContrastBolusRoute=None,
            InstanceNumber=None,
        )
        for item, first in zip(later, scan.slices, strict=True)
    ]
    first = [
        item.put(AcquisitionNumber=1, AcquisitionTime="090000", ContentTime="090000", InstanceNumber=None)
        for item in scan.slices
    ]
    return Contradiction([*first, *native], (scan.truth, truth))


@_contradiction(_CT)
def two_scans_half_an_increment_apart_that_nothing_tells_apart(scan: Scan, random: Random) -> Contradiction:
    """The same between the slices, numbered along the body: like one reconstruction with overlapping slices."""
    del random
    step = float(scan.truth.geometry.spacing_mm[0])
    later = scan_of(ct_study(Phase.PORTAL), "CT")
    slices = []
    for index, (native, venous) in enumerate(zip(scan.slices, later.slices, strict=True)):
        slices.append(native.put(InstanceNumber=2 * index + 1))
        between = replace(_uid(native, "between"), values=venous.values)
        slices.append(_moved(between, step / 2).put(InstanceNumber=2 * index + 2))
    return Contradiction(slices, (scan.truth, later.truth))


@_contradiction(_ALL)
def two_people(scan: Scan, random: Random) -> Contradiction:
    """Some images carry another Patient ID and birth date."""
    odd = _some(scan, random, 1, len(scan.slices) - 1)
    slices = [
        item.put(PatientID="OTHER-01", PatientBirthDate="19310101", PatientName="OTHER^PERSON")
        if index in odd
        else item
        for index, item in enumerate(scan.slices)
    ]
    return Contradiction(slices, (scan.truth,), measurable=False)


@_contradiction(_ALL)
def two_sexes(scan: Scan, random: Random) -> Contradiction:
    """Some images say the patient is a man."""
    odd = _some(scan, random, 1, len(scan.slices) - 1)
    slices = [item.put(PatientSex="M") if index in odd else item for index, item in enumerate(scan.slices)]
    return Contradiction(slices, (scan.truth,), measurable=False)


@_contradiction(_CT)
def rescale_lost(scan: Scan, random: Random) -> Contradiction:
    """Slope and intercept are gone from some slices; their stored values are no Hounsfield units."""
    odd = _some(scan, random, 1, len(scan.slices) // 2)
    slices = [
        replace(item, intercept=-1024.0, dtype="<u2", bits_stored=16, rescale=False) if index in odd else item
        for index, item in enumerate(scan.slices)
    ]
    return Contradiction(slices, (scan.truth,), _uids([slices[index] for index in odd]))


@_contradiction(_ALL)
def slices_missing(scan: Scan, random: Random) -> Contradiction:
    """Slices are missing in the middle."""
    first = int(random.integers(2, len(scan.slices) // 2))
    gone = range(first, first + int(random.integers(1, 4)))
    return Contradiction([item for index, item in enumerate(scan.slices) if index not in gone], (scan.truth,))


@_contradiction(_ALL)
def distance_changes(scan: Scan, random: Random) -> Contradiction:
    """Every other slice is missing from some place on."""
    middle = int(random.integers(len(scan.slices) // 3, 2 * len(scan.slices) // 3))
    return Contradiction([*scan.slices[:middle], *scan.slices[middle::2]], (scan.truth,))


@_contradiction(_CT)
def two_voltages(scan: Scan, random: Random) -> Contradiction:
    """One part of the slices says 80 kV."""
    cut = int(random.integers(len(scan.slices) // 3, 2 * len(scan.slices) // 3))
    slices = [item.put(KVP="80") if index < cut else item.put(KVP="120") for index, item in enumerate(scan.slices)]
    return Contradiction(slices, (scan.truth,))


@_contradiction(_ALL)
def quality_control(scan: Scan, random: Random) -> Contradiction:
    """Images of a test object, marked as such."""
    del random
    return Contradiction([item.put(QualityControlImage="YES") for item in scan.slices], (scan.truth,), measurable=False)


@_contradiction(_ALL)
def lossy(scan: Scan, random: Random) -> Contradiction:
    """The images were compressed with loss once; the values are what they are, the report must say so."""
    del random
    slices = [item.put(LossyImageCompression="01", LossyImageCompressionRatio="12") for item in scan.slices]
    return Contradiction(slices, (scan.truth,))


@_contradiction(_ALL)
def another_pixel_spacing(scan: Scan, random: Random) -> Contradiction:
    """Some slices have pixels of another size."""
    odd = _some(scan, random, 1, len(scan.slices) // 2)
    row, column = (float(value) for value in scan.slices[0].get("PixelSpacing"))
    slices = [
        item.put(PixelSpacing=[f"{row * 1.08:.5f}", f"{column * 1.08:.5f}"]) if index in odd else item
        for index, item in enumerate(scan.slices)
    ]
    return Contradiction(slices, (scan.truth,), _uids([slices[index] for index in odd]))


@_contradiction(_ALL)
def age_contradicts(scan: Scan, random: Random) -> Contradiction:
    """Birth date and Patient's Age are of two people, or the birth date is the study's day."""
    born = str(random.choice([str(scan.slices[0].get("StudyDate")), "18700101", "20200101", "19900101"]))
    return Contradiction([item.put(PatientBirthDate=born, PatientAge="068Y") for item in scan.slices], (scan.truth,))
