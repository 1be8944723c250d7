"""What the headers say: one frozen record per slice and per acquisition, free of pydicom, and the patient's facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from trabecula.domain.results.reasons import Reason
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import SeriesUid


@dataclass(frozen=True, kw_only=True)
class Acquisition:
    """How a slice was made. Times in ms, lengths in mm; None and empty where the header says nothing."""

    modality: str
    sop_class_uid: str
    series_uid: SeriesUid
    series_number: int | None = None
    frame_of_reference_uid: str = ""
    description: str = ""
    protocol: str = ""
    sequence_name: str = ""
    study_text: str = ""
    body_part: str = ""
    image_type: tuple[str, ...] = ()
    burned_in: bool = False
    samples_per_pixel: int = 1
    manufacturer: str = ""
    model: str = ""
    acquired_at: str = ""
    slice_thickness: float | None = None
    kvp: float | None = None
    kernel: tuple[str, ...] = ()
    rescale_type: str = ""
    gantry_tilt_degrees: float | None = None
    tube_current_ma: float | None = None
    multi_energy: bool = False
    contrast_agent: str = ""
    contrast_given: bool | None = None
    scanning_sequence: tuple[str, ...] = ()
    sequence_variant: tuple[str, ...] = ()
    scan_options: tuple[str, ...] = ()
    three_dimensional: bool = False
    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    inversion_recovery: bool | None = None
    flip_angle: float | None = None
    field_strength: float | None = None
    fat_suppressed: bool = False
    acquisition_contrast: str = ""
    b_value: float | None = None
    temporal_position: int | None = None
    acquisition_number: int | None = None
    contrast_route: str = ""
    contrast_volume_ml: float | None = None
    contrast_dose_ml: float | None = None
    contrast_start: str = ""
    contrast_ingredient: str = ""
    quality_control: bool = False
    """Quality Control Image (0028,0300) is YES: a phantom, or for calibration."""
    phantom: bool = False
    """The headers say that it is of a phantom, not of a person."""
    content_time: str = ""
    series_time: str = ""
    acquired_on: str = ""
    """Acquisition Date, else Series Date or Content Date."""
    spacing_between_slices: float | None = None
    reconstruction_diameter_mm: float | None = None


def consensus(made: Sequence[Acquisition]) -> Acquisition:
    """Return what most of the records say, value by value; an empty value only where no record has another.

    Contrast agent that any record names counts: what was given does not leave the body between two slices.
    """
    if all(other == made[0] for other in made[1:]):
        return made[0]
    values: dict[str, object] = {}
    for item in fields(Acquisition):
        counted = Counter(getattr(record, item.name) for record in made)
        told = [value for value in counted if value is not None and value not in ("", ())] or list(counted)
        if item.name in _CAUTIOUS:
            told = [value for value in told if value] or told
        values[item.name] = max(told, key=lambda value: (counted[value], str(value)))
    return replace(made[0], **values)  # type: ignore[arg-type]


_CAUTIOUS = frozenset(
    {"contrast_agent", "contrast_given", "quality_control", "phantom", "fat_suppressed", "multi_energy", "burned_in"}
)
"""What holds for all as soon as one record says so."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One slice: its file, its place in it (``number`` counts from 1; None in a single-frame image) and in the patient.

    ``position`` is the LPS centre of the first pixel, ``orientation`` the row and column cosines (PS3.3 C.7.6.2).
    ``rescale`` holds Rescale Slope and Intercept, each None where the image does not state it; ``lookup_table`` says
    that it has a Modality LUT instead. ``lossy`` by Lossy Image Compression (0028,2110) or the transfer syntax.
    ``bits_stored`` is Bits Stored (0028,0101).
    """

    file: StoredFile
    number: int | None
    instance_number: int
    rows: int
    columns: int
    acquisition: Acquisition
    position: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    pixel_spacing: tuple[float, float] | None = None
    rescale: tuple[float | None, float | None] = (None, None)
    lookup_table: bool = False
    transfer_syntax_uid: str = ""
    lossy: bool = False
    bits_stored: int | None = None


@dataclass(frozen=True, kw_only=True)
class StatedPatient:
    """What the rules need of the patient: age in years, sex (F, M or empty), weight in kg, height in m.

    ``sex_recorded`` also knows O; ``claimed_ages`` are all plausible ages of the headers, also where they contradict
    and ``age_years`` is None; ``reasons`` tell what of the headers contradicts.
    """

    age_years: float | None = None
    sex: str = ""
    weight_kg: float | None = None
    height_m: float | None = None
    sex_recorded: str = ""
    claimed_ages: tuple[float, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def may_be_younger_than(self, years: float) -> bool:
        """Return whether the age, or one of several that contradict, lies below a limit."""
        ages = [*self.claimed_ages, *(() if self.age_years is None else (self.age_years,))]
        return any(age < years for age in ages)

    @property
    def conflict(self) -> Reason | None:
        """The reason why the images may show more than one person, or None."""
        return next((reason for reason in self.reasons if reason.blocking), None)


def acquisition_facts(acquisition: Acquisition, slice_spacing_mm: float) -> dict[str, str | float]:
    """Return the facts a report shows of an acquisition; keys carry the unit; nothing about the patient."""
    numbers: dict[str, float | None] = {
        "slice_thickness_mm": acquisition.slice_thickness,
        "slice_spacing_mm": round(slice_spacing_mm, 3),
        "kvp": acquisition.kvp,
        "tube_current_ma": acquisition.tube_current_ma,
        "repetition_time_ms": acquisition.repetition_time,
        "echo_time_ms": acquisition.echo_time,
        "inversion_time_ms": acquisition.inversion_time or None,
        "flip_angle_degrees": acquisition.flip_angle,
        "field_strength_t": acquisition.field_strength,
    }
    words: dict[str, str] = {
        "manufacturer": acquisition.manufacturer,
        "model": acquisition.model,
        "kernel": "\\".join(acquisition.kernel),
        "image_type": "\\".join(acquisition.image_type),
        "sequence_name": acquisition.sequence_name,
        "scanning_sequence": "\\".join(acquisition.scanning_sequence),
        "contrast_agent": acquisition.contrast_agent,
        "protocol": acquisition.protocol,
        "phantom": "YES" if acquisition.phantom else "",
    }
    facts: dict[str, str | float] = {key: value for key, value in numbers.items() if value is not None}
    facts |= {key: value for key, value in words.items() if value}
    return facts
