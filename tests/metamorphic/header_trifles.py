"""Trifles of the header: digits, numbers, times and names that differ without a meaning."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from tests.metamorphic.register import COMMON, CT, MR, Random, Slices, normal_of, some, trifle
from tests.metamorphic.scans import Slice

# --- header values that differ in a digit ----------------------------------------------------------------------------


@trifle(MR)
def echo_time_digits(slices: Slices, random: Random) -> Slices:
    """Scanners write the echo time of each slice anew: 9.649, 9.651."""
    echo = float(slices[0].get("EchoTime"))
    return [item.put(EchoTime=f"{echo + random.uniform(-0.004, 0.004):.4f}") for item in slices]


@trifle(MR)
def repetition_time_digits(slices: Slices, random: Random) -> Slices:
    """The same of the repetition time."""
    value = float(slices[0].get("RepetitionTime"))
    return [item.put(RepetitionTime=f"{value + random.uniform(-0.05, 0.05):.3f}") for item in slices]


@trifle(COMMON)
def pixel_spacing_digits(slices: Slices, random: Random) -> Slices:
    """Pixel Spacing computed slice by slice: 0.625, 0.6250001."""
    row, column = (float(value) for value in slices[0].get("PixelSpacing"))
    odd = some(slices, random)
    return [
        item.put(PixelSpacing=[f"{row * 1.0000002:.7f}", f"{column * 1.0000002:.7f}"]) if index in odd else item
        for index, item in enumerate(slices)
    ]


@trifle(COMMON)
def thickness_digits(slices: Slices, random: Random) -> Slices:
    """Slice Thickness with a rounding error here and there."""
    value = float(slices[0].get("SliceThickness"))
    return [item.put(SliceThickness=f"{value + random.choice([0.0, 1e-5, -1e-5]):.6f}") for item in slices]


@trifle(COMMON)
def orientation_digits(slices: Slices, random: Random) -> Slices:
    """Cosines with noise in the fifth digit."""
    return [
        item.put(
            ImageOrientationPatient=[
                f"{float(value) + random.uniform(-2e-5, 2e-5):.7f}" for value in item.get("ImageOrientationPatient")
            ]
        )
        for item in slices
    ]


@trifle(COMMON)
def position_digits(slices: Slices, random: Random) -> Slices:
    """Positions rounded to a hundredth of a millimetre, or with noise below that."""
    places = int(random.integers(2, 6))
    return [
        item.put(ImagePositionPatient=[f"{float(value):.{places}f}" for value in item.get("ImagePositionPatient")])
        for item in slices
    ]


@trifle(CT)
def voltage_missing_insome(slices: Slices, random: Random) -> Slices:
    """KVP left empty by a converter in some slices."""
    odd = some(slices, random)
    return [item.put(KVP=None) if index in odd else item for index, item in enumerate(slices)]


@trifle(CT)
def second_kernel_value(slices: Slices, random: Random) -> Slices:
    """Siemens' iterative strength as a second value, another in every slice."""
    kernel = str(slices[0].get("ConvolutionKernel"))
    return [item.put(ConvolutionKernel=[kernel, str(random.integers(1, 4))]) for item in slices]


@trifle(CT)
def tube_current_follows_the_body(slices: Slices, random: Random) -> Slices:
    """Current and exposure of every slice differ under dose modulation."""
    return [
        item.put(XRayTubeCurrent=int(random.integers(80, 400)), Exposure=int(random.integers(40, 200)))
        for item in slices
    ]


@trifle(COMMON)
def free_image_type_values(slices: Slices, random: Random) -> Slices:
    """Vendors append values of their own to Image Type."""
    words = ("SCAN 1", "CSA RESAMPLED", "SH", "NORM", "DIS2D", "FM4_2", "GDC")
    odd = some(slices, random)
    more = [str(random.choice(words)), str(random.integers(1, 99))]
    return [
        item.put(ImageType=[*item.get("ImageType"), *more]) if index in odd else item
        for index, item in enumerate(slices)
    ]


# --- numbers, times, names --------------------------------------------------------------------------------------------


@trifle(COMMON)
def instance_numbers_mean_nothing(slices: Slices, random: Random) -> Slices:
    """Instance Number shuffled, all the same, or absent."""
    kind = int(random.integers(0, 3))
    order = random.permutation(len(slices)) + 1
    value = (lambda index: int(order[index]), lambda _: 1, lambda _: None)[kind]
    return [item.put(InstanceNumber=value(index)) for index, item in enumerate(slices)]


@trifle(COMMON)
def acquisition_number_counts_slices(slices: Slices, random: Random) -> Slices:
    """Some scanners count Acquisition Number up with every slice; some leave it out in places."""
    start = int(random.integers(0, 50))
    counted = [item.put(AcquisitionNumber=start + index) for index, item in enumerate(slices)]
    if random.random() < 0.3:
        odd = some(slices, random)
        return [item.put(AcquisitionNumber=None) if index in odd else item for index, item in enumerate(counted)]
    return counted


@trifle(COMMON)
def packages_one_after_the_other(slices: Slices, random: Random) -> Slices:
    """A volume acquired in table steps: Acquisition Number 1 for the upper part, 2 for the lower, which adjoin."""
    along = sorted(_place(item) for item in slices)
    step = along[int(random.integers(len(along) // 3, 2 * len(along) // 3))] - 0.1
    return [item.put(AcquisitionNumber=1 + (_place(item) >= step)) for item in slices]


def _place(item: Slice) -> float:
    """Where a slice lies along its normal (mm)."""
    return float(np.dot([float(value) for value in item.get("ImagePositionPatient")], normal_of(item)))


@trifle(MR)
def interleaved_concatenations(slices: Slices, random: Random) -> Slices:
    """Odd slices first, even slices a minute later (one volume: each half alone leaves gaps as wide as a slice)."""
    del random
    ordered = sorted(slices, key=lambda item: float(item.get("ImagePositionPatient")[0]))
    return [
        item.put(
            AcquisitionTime=("091000.000", "091105.000")[index % 2], ContentTime=("091000.000", "091105.000")[index % 2]
        )
        for index, item in enumerate(ordered)
    ]


@trifle(COMMON)
def times_differ(slices: Slices, random: Random) -> Slices:
    """Content Time is when the slice was reconstructed; Acquisition Time may be absent."""
    kind = int(random.integers(0, 3))
    if kind == 0:
        return [item.put(AcquisitionTime=None, AcquisitionDateTime=None) for item in slices]
    if kind == 1:
        return [item.put(ContentTime=None) for item in slices]
    seconds = random.integers(0, 59, len(slices))
    return [
        item.put(ContentTime=f"1000{second:02d}.{second:03d}000") for item, second in zip(slices, seconds, strict=True)
    ]


@trifle(COMMON)
def slice_location_is_wrong(slices: Slices, random: Random) -> Slices:
    """Slice Location has no defined origin; some write nonsense or nothing."""
    return [item.put(SliceLocation=random.choice([None, "0", "-17.5"])) for item in slices]


@trifle(COMMON)
def window_per_slice(slices: Slices, random: Random) -> Slices:
    """Window Center and Width of each slice, several presets too."""
    return [
        item.put(WindowCenter=[str(random.integers(0, 400)), "40"], WindowWidth=[str(random.integers(100, 900)), "400"])
        for item in slices
    ]


@trifle(COMMON)
def name_spelt_in_two_ways(slices: Slices, random: Random) -> Slices:
    """The same person (ID, birth date, sex) with another spelling of the name in some slices."""
    odd = some(slices, random)
    return [
        item.put(PatientName="Phantom^Nr^^^") if index in odd else item.put(PatientName="PHANTOM^NR")
        for index, item in enumerate(slices)
    ]


@trifle(COMMON)
def descriptions_vary(slices: Slices, random: Random) -> Slices:
    """Trailing blanks, other case, an empty comment."""
    text = str(slices[0].get("SeriesDescription"))
    return [item.put(SeriesDescription=str(random.choice([text, f"{text} ", text.upper()]))) for item in slices]


@trifle(COMMON)
def dates_with_separators(slices: Slices, random: Random) -> Slices:
    """A system that writes dates as people do."""
    del random
    date = str(slices[0].get("StudyDate"))
    return [item.put(StudyDate=f"{date[:4]}-{date[4:6]}-{date[6:]}") for item in slices]


@trifle(COMMON)
def no_frame_of_reference(slices: Slices, random: Random) -> Slices:
    """Frame of Reference UID empty in all slices (a converter)."""
    del random
    return [item.put(FrameOfReferenceUID=None) for item in slices]


@trifle(COMMON)
def leading_zeros_in_uids(slices: Slices, random: Random) -> Slices:
    """UIDs with components like 007."""
    del random
    uid = f"1.2.826.0.1.3680043.8.498.007.{int(slices[0].get('SeriesNumber')):03d}"
    return [item.put(SeriesInstanceUID=uid) for item in slices]


@trifle(COMMON)
def procedure_codes_incomplete(slices: Slices, random: Random) -> Slices:
    """Empty sequences and codes without a meaning."""
    del random
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "CTLWS", "99LOCAL"
    return [
        item.put(ProcedureCodeSequence=[code], RequestAttributesSequence=[], ReferencedStudySequence=[Dataset()])
        for item in slices
    ]
