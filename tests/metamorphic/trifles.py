"""Variations that change nothing a person would call a change: after each the same volume must be read.

A trifle takes the slices of one scan and a random generator and returns slices. What it stands for in real archives is
its docstring. ``TRIFLES`` holds them by role: those of every scan, and those of CT or MR alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from tests.metamorphic.scans import Slice

Slices = Sequence[Slice]
Random = np.random.Generator
Trifle = Callable[[Slices, Random], Slices]

_COMMON: dict[str, Trifle] = {}
_CT: dict[str, Trifle] = {}
_MR: dict[str, Trifle] = {}


def apply(role: str, steps: Sequence[tuple[str, int]], slices: Slices) -> Slices:
    """Return the slices after these trifles, each with the seed of its own chance.

    Trifles that add odd images come last: the others mean the scan's own images.
    """
    for name, seed in sorted(steps, key=lambda step: step[0] in _ODD_IMAGES):
        slices = trifles_of(role)[name](slices, np.random.default_rng(seed))
    return slices


_ODD_IMAGES = ("one_image_of_another_matrix", "pictures_without_position")


def trifles_of(role: str) -> dict[str, Trifle]:
    """Return the trifles that a scan of this role may suffer, by name."""
    return _COMMON | (_CT if role == "CT" else _MR)


def _trifle(of: dict[str, Trifle]) -> Callable[[Trifle], Trifle]:
    def add(trifle: Trifle) -> Trifle:
        of[trifle.__name__] = trifle
        return trifle

    return add


def _some(slices: Slices, random: Random, most: float = 0.5) -> set[int]:
    """Indices of at least one slice and at most a share of them."""
    count = int(random.integers(1, max(2, int(len(slices) * most))))
    return {int(index) for index in random.choice(len(slices), size=count, replace=False)}


def _new_uid(item: Slice, word: str) -> Slice:
    return item.put(SOPInstanceUID=generate_uid(entropy_srcs=[str(item.get("SOPInstanceUID")), word]))


# --- header values that differ in a digit ----------------------------------------------------------------------------


@_trifle(_MR)
def echo_time_digits(slices: Slices, random: Random) -> Slices:
    """Scanners write the echo time of each slice anew: 9.649, 9.651."""
    echo = float(slices[0].get("EchoTime"))
    return [item.put(EchoTime=f"{echo + random.uniform(-0.004, 0.004):.4f}") for item in slices]


@_trifle(_MR)
def repetition_time_digits(slices: Slices, random: Random) -> Slices:
    """The same of the repetition time."""
    value = float(slices[0].get("RepetitionTime"))
    return [item.put(RepetitionTime=f"{value + random.uniform(-0.05, 0.05):.3f}") for item in slices]


@_trifle(_COMMON)
def pixel_spacing_digits(slices: Slices, random: Random) -> Slices:
    """Pixel Spacing computed slice by slice: 0.625, 0.6250001."""
    row, column = (float(value) for value in slices[0].get("PixelSpacing"))
    odd = _some(slices, random)
    return [
        item.put(PixelSpacing=[f"{row * 1.0000002:.7f}", f"{column * 1.0000002:.7f}"]) if index in odd else item
        for index, item in enumerate(slices)
    ]


@_trifle(_COMMON)
def thickness_digits(slices: Slices, random: Random) -> Slices:
    """Slice Thickness with a rounding error here and there."""
    value = float(slices[0].get("SliceThickness"))
    return [item.put(SliceThickness=f"{value + random.choice([0.0, 1e-5, -1e-5]):.6f}") for item in slices]


@_trifle(_COMMON)
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


@_trifle(_COMMON)
def position_digits(slices: Slices, random: Random) -> Slices:
    """Positions rounded to a hundredth of a millimetre, or with noise below that."""
    places = int(random.integers(2, 6))
    return [
        item.put(ImagePositionPatient=[f"{float(value):.{places}f}" for value in item.get("ImagePositionPatient")])
        for item in slices
    ]


@_trifle(_CT)
def voltage_missing_in_some(slices: Slices, random: Random) -> Slices:
    """KVP left empty by a converter in some slices."""
    odd = _some(slices, random)
    return [item.put(KVP=None) if index in odd else item for index, item in enumerate(slices)]


@_trifle(_CT)
def second_kernel_value(slices: Slices, random: Random) -> Slices:
    """Siemens' iterative strength as a second value, another in every slice."""
    kernel = str(slices[0].get("ConvolutionKernel"))
    return [item.put(ConvolutionKernel=[kernel, str(random.integers(1, 4))]) for item in slices]


@_trifle(_CT)
def tube_current_follows_the_body(slices: Slices, random: Random) -> Slices:
    """Current and exposure of every slice differ under dose modulation."""
    return [
        item.put(XRayTubeCurrent=int(random.integers(80, 400)), Exposure=int(random.integers(40, 200)))
        for item in slices
    ]


@_trifle(_COMMON)
def free_image_type_values(slices: Slices, random: Random) -> Slices:
    """Vendors append values of their own to Image Type."""
    words = ("SCAN 1", "CSA RESAMPLED", "SH", "NORM", "DIS2D", "FM4_2", "GDC")
    odd = _some(slices, random)
    more = [str(random.choice(words)), str(random.integers(1, 99))]
    return [
        item.put(ImageType=[*item.get("ImageType"), *more]) if index in odd else item
        for index, item in enumerate(slices)
    ]


# --- numbers, times, names --------------------------------------------------------------------------------------------


@_trifle(_COMMON)
def instance_numbers_mean_nothing(slices: Slices, random: Random) -> Slices:
    """Instance Number shuffled, all the same, or absent."""
    kind = int(random.integers(0, 3))
    order = random.permutation(len(slices)) + 1
    value = (lambda index: int(order[index]), lambda _: 1, lambda _: None)[kind]
    return [item.put(InstanceNumber=value(index)) for index, item in enumerate(slices)]


@_trifle(_COMMON)
def acquisition_number_counts_slices(slices: Slices, random: Random) -> Slices:
    """Some scanners count Acquisition Number up with every slice; some leave it out in places."""
    start = int(random.integers(0, 50))
    counted = [item.put(AcquisitionNumber=start + index) for index, item in enumerate(slices)]
    if random.random() < 0.3:
        odd = _some(slices, random)
        return [item.put(AcquisitionNumber=None) if index in odd else item for index, item in enumerate(counted)]
    return counted


@_trifle(_COMMON)
def packages_one_after_the_other(slices: Slices, random: Random) -> Slices:
    """A volume acquired in table steps: Acquisition Number 1 for the upper part, 2 for the lower, which adjoin."""
    along = sorted({_place(item) for item in slices})
    step = along[int(random.integers(len(along) // 3, 2 * len(along) // 3))]
    return [item.put(AcquisitionNumber=1 + (_place(item) >= step)) for item in slices]


def _place(item: Slice) -> float:
    """Where a slice lies along its normal, to 0.1 mm (copies up to 0.02 mm away lie at one place)."""
    return round(float(np.dot([float(value) for value in item.get("ImagePositionPatient")], _normal(item))), 1)


@_trifle(_MR)
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


@_trifle(_COMMON)
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


@_trifle(_COMMON)
def slice_location_is_wrong(slices: Slices, random: Random) -> Slices:
    """Slice Location has no defined origin; some write nonsense or nothing."""
    return [item.put(SliceLocation=random.choice([None, "0", "-17.5"])) for item in slices]


@_trifle(_COMMON)
def window_per_slice(slices: Slices, random: Random) -> Slices:
    """Window Center and Width of each slice, several presets too."""
    return [
        item.put(WindowCenter=[str(random.integers(0, 400)), "40"], WindowWidth=[str(random.integers(100, 900)), "400"])
        for item in slices
    ]


@_trifle(_COMMON)
def name_spelt_in_two_ways(slices: Slices, random: Random) -> Slices:
    """The same person (ID, birth date, sex) with another spelling of the name in some slices."""
    odd = _some(slices, random)
    return [
        item.put(PatientName="Phantom^Nr^^^") if index in odd else item.put(PatientName="PHANTOM^NR")
        for index, item in enumerate(slices)
    ]


@_trifle(_COMMON)
def descriptions_vary(slices: Slices, random: Random) -> Slices:
    """Trailing blanks, other case, an empty comment."""
    text = str(slices[0].get("SeriesDescription"))
    return [item.put(SeriesDescription=str(random.choice([text, f"{text} ", text.upper()]))) for item in slices]


@_trifle(_COMMON)
def dates_with_separators(slices: Slices, random: Random) -> Slices:
    """A system that writes dates as people do."""
    del random
    date = str(slices[0].get("StudyDate"))
    return [item.put(StudyDate=f"{date[:4]}-{date[4:6]}-{date[6:]}") for item in slices]


@_trifle(_COMMON)
def no_frame_of_reference(slices: Slices, random: Random) -> Slices:
    """Frame of Reference UID empty in all slices (a converter)."""
    del random
    return [item.put(FrameOfReferenceUID=None) for item in slices]


@_trifle(_COMMON)
def leading_zeros_in_uids(slices: Slices, random: Random) -> Slices:
    """UIDs with components like 007."""
    del random
    uid = f"1.2.826.0.1.3680043.8.498.007.{int(slices[0].get('SeriesNumber')):03d}"
    return [item.put(SeriesInstanceUID=uid) for item in slices]


@_trifle(_COMMON)
def procedure_codes_incomplete(slices: Slices, random: Random) -> Slices:
    """Empty sequences and codes without a meaning."""
    del random
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "CTLWS", "99LOCAL"
    return [
        item.put(ProcedureCodeSequence=[code], RequestAttributesSequence=[], ReferencedStudySequence=[Dataset()])
        for item in slices
    ]


# --- files ------------------------------------------------------------------------------------------------------------


@_trifle(_COMMON)
def file_order(slices: Slices, random: Random) -> Slices:
    """Files come in any order and under any name."""
    names = [f"{number:08x}" for number in random.permutation(len(slices))]
    return [replace(item, name=name) for item, name in zip(slices, names, strict=True)]


@_trifle(_COMMON)
def files_twice(slices: Slices, random: Random) -> Slices:
    """Some files lie there twice, byte for byte."""
    odd = _some(slices, random, 1.0)
    return [*slices, *(replace(slices[index], name=f"copy{index:04d}") for index in sorted(odd))]


@_trifle(_COMMON)
def slices_again_under_new_uids(slices: Slices, random: Random) -> Slices:
    """The archive's copies of all slices with SOP Instance UIDs of their own, up to 0.02 mm away."""
    shift = float(random.choice([0.0, 0.01, 0.02]))
    copies = []
    for item in slices:
        place = [
            float(value) + shift * axis
            for value, axis in zip(item.get("ImagePositionPatient"), _normal(item), strict=True)
        ]
        copies.append(
            replace(_new_uid(item, "again").put(ImagePositionPatient=[f"{value:.5f}" for value in place]), name="")
        )
    named = [replace(item, name="") for item in slices]
    return [*named, *copies]


def _normal(item: Slice) -> np.ndarray:
    rows = np.array([float(value) for value in item.get("ImageOrientationPatient")])
    return np.cross(rows[:3], rows[3:])


@_trifle(_COMMON)
def pictures_without_position(slices: Slices, random: Random) -> Slices:
    """Screenshots stored as images of the series, without a position."""
    count = int(random.integers(1, 4))
    shots = [
        replace(
            _new_uid(slices[index], "shot").put(ImagePositionPatient=None, InstanceNumber=900 + index),
            name=f"shot{index}",
        )
        for index in range(count)
    ]
    return [*slices, *shots]


@_trifle(_COMMON)
def one_image_of_another_matrix(slices: Slices, random: Random) -> Slices:
    """A key image of another matrix inside the series."""
    item = slices[int(random.integers(0, len(slices)))]
    odd = replace(_new_uid(item, "matrix"), values=item.values[: item.values.shape[0] // 2], name="matrix")
    return [*slices, odd]


# --- pixels -----------------------------------------------------------------------------------------------------------

_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGLSLossless,
)


@_trifle(_COMMON)
def transfer_syntaxes(slices: Slices, random: Random) -> Slices:
    """One syntax for all, or several in one series."""
    several = random.random() < 0.4
    chosen = str(random.choice(_SYNTAXES))
    return [replace(item, syntax=str(random.choice(_SYNTAXES)) if several else chosen) for item in slices]


@_trifle(_COMMON)
def other_order_of_rows_and_columns(slices: Slices, random: Random) -> Slices:
    """The same image stored mirrored or turned, with the header that says so."""
    flip_rows, flip_columns, turned = (bool(value) for value in random.integers(0, 2, 3))
    return [_stored_otherwise(item, flip_rows, flip_columns, turned) for item in slices]


def _stored_otherwise(item: Slice, flip_rows: bool, flip_columns: bool, turned: bool) -> Slice:
    along = [float(value) for value in item.get("ImageOrientationPatient")]
    columns, rows = np.array(along[:3]), np.array(along[3:])
    row_mm, column_mm = (float(value) for value in item.get("PixelSpacing"))
    place = np.array([float(value) for value in item.get("ImagePositionPatient")])
    values = item.values
    if flip_rows:
        place, rows, values = place + rows * row_mm * (values.shape[0] - 1), -rows, values[::-1]
    if flip_columns:
        place, columns, values = place + columns * column_mm * (values.shape[1] - 1), -columns, values[:, ::-1]
    if turned:
        rows, columns, row_mm, column_mm, values = columns, rows, column_mm, row_mm, values.T
    return replace(
        item.put(
            ImageOrientationPatient=[f"{value:.7f}" for value in (*columns, *rows)],
            ImagePositionPatient=[f"{value:.5f}" for value in place],
            PixelSpacing=[f"{row_mm:.6f}", f"{column_mm:.6f}"],
        ),
        values=np.ascontiguousarray(values),
    )


@_trifle(_CT)
def stored_types(slices: Slices, random: Random) -> Slices:
    """Signed and unsigned, 12 and 16 bits, intercept -1024, 0 or odd, for the whole series or slice by slice."""
    several = random.random() < 0.4
    kinds = (("<i2", 16, 0.0), ("<u2", 16, -1024.0), ("<u2", 12, -1024.0), ("<i2", 16, -1024.0), ("<u2", 16, -2048.0))
    chosen = kinds[int(random.integers(0, len(kinds)))]
    changed = []
    for item in slices:
        dtype, bits, intercept = kinds[int(random.integers(0, len(kinds)))] if several else chosen
        changed.append(replace(item, dtype=dtype, bits_stored=bits, intercept=intercept, slope=1.0))
    return changed


@_trifle(_COMMON)
def slope_of_its_own(slices: Slices, random: Random) -> Slices:
    """Slope (and on CT intercept) differ from slice to slice; no value moves by more than half a unit."""
    ct = slices[0].get("Modality") == "CT"
    changed = []
    for item in slices:
        slope = float(random.choice([0.25, 0.5, 1.0]))
        intercept = -1024.0 - float(random.integers(0, 9)) if ct else 0.0
        changed.append(replace(item, slope=slope, intercept=intercept, dtype="<u2", bits_stored=16, rescale=True))
    return changed


@_trifle(_CT)
def rescale_type_words(slices: Slices, random: Random) -> Slices:
    """Rescale Type HU, US or absent."""
    kind = random.choice(["HU", "US", ""])
    return [item.put(RescaleType=kind) for item in slices]
