"""The result of one study revision: category, reasons, measurements per level, scores, and what made them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trabecula.domain.codes import Code
from trabecula.domain.language import Language
from trabecula.domain.modality import Modality
from trabecula.domain.models.validation import ModelVerdict
from trabecula.domain.results.deformity import GradedDeformity
from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import Level
from trabecula.domain.uids import NO_SERIES, InstanceUid, SeriesUid, StudyUid


class Category(StrEnum):
    """The four answers the product gives; none of them says normal, none excludes osteoporosis."""

    LOW_BONE_DENSITY_SUSPECTED = "LOW_BONE_DENSITY_SUSPECTED"
    INDETERMINATE = "INDETERMINATE"
    NO_FLAG = "NO_FLAG"
    NOT_EVALUABLE = "NOT_EVALUABLE"

    @property
    def words(self) -> str:
        """The category as people read it."""
        return _CATEGORY_WORDS[self]


_CATEGORY_WORDS = {
    Category.LOW_BONE_DENSITY_SUSPECTED: "Low bone density suspected",
    Category.INDETERMINATE: "Indeterminate",
    Category.NO_FLAG: "No flag (does not exclude osteoporosis)",
    Category.NOT_EVALUABLE: "Not evaluable",
}


class DecidedBy(StrEnum):
    """What a category rests on."""

    MEASUREMENT = "measurement"
    """The measured value against its limits, or the lack of limits."""
    MODEL = "model"
    """A validated model, where the measurement left the category open."""
    DEFORMITY = "deformity"
    """A possible vertebral fracture that took back what the density alone would have given."""
    REASONS = "reasons"
    """Nothing was decided; the reasons say why."""


class SeriesRole(StrEnum):
    """What a series is used for."""

    CT = "CT"
    T1W = "T1w"
    T2W = "T2w"


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One number: what it is (``concept``, and ``derivation`` such as mean), its value and its unit (UCUM).

    ``method`` names the frozen definition of how it was taken, e.g. ``trab_v1``; ``series_uid`` where.
    """

    concept: Code
    value: float
    unit: Code
    derivation: Code | None = None
    method: str = ""
    series_uid: SeriesUid = NO_SERIES


@dataclass(frozen=True)
class Outline:
    """A closed polygon of a body on one source image, as (column, row) in pixels.

    Here (0, 0) is the centre of the first pixel. DICOM counts from its upper left corner (PS3.3 C.18.6.1.2), so what is
    written into an object is (column + 0.5, row + 0.5). ``frame_number`` counts from 1 in a multi-frame image and is
    None in any other.
    """

    sop_instance_uid: InstanceUid
    points: tuple[tuple[float, float], ...]
    frame_number: int | None = None


@dataclass(frozen=True, kw_only=True)
class LevelResult:
    """What was measured at one level. ``evaluable`` is False when a blocking reason keeps it out of the averages."""

    level: Level
    evaluable: bool
    quality: float
    flags: tuple[Reason, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    outlines: tuple[Outline, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceSeries:
    """A series of the study that was measured, and how it was acquired (facts for the report; no patient data)."""

    role: SeriesRole
    series_uid: SeriesUid
    modality: Modality
    description: str
    number: int | None
    frame_of_reference_uid: str
    instance_uids: tuple[InstanceUid, ...]
    acquisition: Mapping[str, str | float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SeriesUse:
    """How many images of one series a result used, of how many received, and why the others not.

    ``role`` is what the series was measured as, None for a series no measurement used (``images_used`` is 0 then).
    ``reasons`` hold one reason for each kind of image left out, with their number in ``detail``; they speak of the
    choice of images, never of what was measured.
    """

    series_uid: SeriesUid
    number: int | None
    description: str
    modality: str
    images_used: int
    images_total: int
    role: SeriesRole | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one model bundle said. ``probability`` is None when it abstained (``applicable`` False, reasons say why)."""

    model_id: str
    model_version: str
    model_sha256: str
    applicable: bool
    demonstration: bool
    endpoint: str
    probability: float | None = None
    raw_score: float | None = None
    operating_point: str = ""
    threshold: float | None = None
    positive: bool | None = None
    active: bool = True
    """False for a silent challenger: stored and shown to admins, never in the report."""
    decides: bool = False
    """Whether this site has recorded that the model may set a category where the measurement leaves it open."""
    verdict: ModelVerdict = ModelVerdict.NOT_STATED
    """What the model's own validation said of it."""
    role: SeriesRole | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def name(self) -> str:
        """The model with its version, e.g. ``site-ct 2.1``; the version stands once."""
        named = self.model_id.endswith(f"-{self.model_version}") or not self.model_version
        return self.model_id if named else f"{self.model_id} {self.model_version}"

    @property
    def question(self) -> str:
        """The endpoint in words, e.g. ``abnormal bone density``."""
        return self.endpoint.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class PriorResult:
    """An earlier result of the same person: when, and the one number of it that can be compared.

    ``value`` is the attenuation of L1 (HU) as it was held against the limits, on MR the VBQ; ``study_date`` is
    YYYYMMDD.
    """

    study_uid: StudyUid
    revision: int
    study_date: str
    modality: str
    value: float
    category: str


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """The whole result of one study revision.

    ``summary`` holds study-level measurements (e.g. L1 and L1-L4 attenuation, VBQ). ``primary`` is the series the
    outlines, the SEG and the picture refer to. ``numbering`` says how the levels were named.
    ``deformity_suspected`` where a possible fracture is named; ``deformities`` are all bodies that lost height.
    ``decided_by`` says what the category rests on (None in results of older versions).
    ``for_report`` is the finding in one paragraph, to be pasted into a report; ``scale`` what the values of the levels
    are held against; ``priors`` are earlier results of the same person, as known when the revision was measured.
    ``series_used`` and ``series_not_used`` account for every image received; what they say of a series that was not
    measured stands in no other reason.
    ``refused`` and ``damaged`` count images of the study that were refused, or damaged here after they were
    acknowledged, and did not come again; ``silent_listeners`` may hold more.
    ``versions`` names software, segmenter, region definition, thresholds and settings digest: with the input they
    determine the result.
    """

    study_uid: StudyUid
    revision: int
    category: Category
    reasons: tuple[Reason, ...]
    levels: tuple[LevelResult, ...]
    summary: tuple[Measurement, ...] = ()
    scores: tuple[Score, ...] = ()
    sources: tuple[SourceSeries, ...] = ()
    series_used: tuple[SeriesUse, ...] = ()
    series_not_used: tuple[SeriesUse, ...] = ()
    primary: str = ""
    numbering: str = ""
    deformity_suspected: bool = False
    deformities: tuple[GradedDeformity, ...] = ()
    decided_by: DecidedBy | None = None
    impression: tuple[str, ...] = ()
    for_report: str = ""
    scale: ValueScale | None = None
    priors: tuple[PriorResult, ...] = ()
    refused: int = 0
    damaged: int = 0
    silent_listeners: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    timings_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def primary_source(self) -> SourceSeries | None:
        """The series the outlines refer to, or None when nothing was segmented."""
        return next((source for source in self.sources if source.series_uid == self.primary), None)

    def level(self, level: Level) -> LevelResult | None:
        """Return the result of a level, or None where it was not found."""
        return next((item for item in self.levels if item.level is level), None)


class ObjectKind(StrEnum):
    """The kinds of DICOM objects a result becomes."""

    STRUCTURED_REPORT = "SR"
    SEGMENTATION = "SEG"
    PICTURE = "SC"


@dataclass(frozen=True, kw_only=True)
class ResultObject:
    """One finished DICOM object: the bytes of a Part 10 file (Explicit VR Little Endian) and its identity.

    ``alternatives`` holds the same document under fall-back SOP Classes, most wanted first (SR only). ``language`` is
    that of its texts, None where it suits readers of any (the segmentation).
    """

    kind: ObjectKind
    sop_class_uid: str
    sop_instance_uid: InstanceUid
    series_uid: SeriesUid
    content: bytes
    alternatives: tuple[ResultObject, ...] = ()
    language: Language | None = None
