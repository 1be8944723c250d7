"""Model bundles: the manifest that travels with a trained model and says what it is, for whom, and how far it holds.

A bundle is a folder ``<model-id>/`` with ``manifest.json``, ``model.onnx`` and ``CARD.md``. The graph of a radiomics
bundle takes one float64 input ``features`` [N, columns of the layout] and gives ``probability`` and ``score`` (before
calibration), float64 [N, endpoints], with imputation, harmonisation, standardisation, selection, model and calibration
inside; a harmonised bundle has further columns (``conditioning``). The graph of a CNN bundle takes the crops of one
patient, float32 ``image`` [crops, channels, size, size] in 0-1, and gives ``logit`` [crops, endpoints], their mean as
``score`` and the calibrated ``probability``, both float64 [1, endpoints].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trabecula.domain.models.conditioning import Conditioning
from trabecula.domain.models.feature_layout import FeatureLayout
from trabecula.domain.models.validation import CheckVector, ModelVerdict, Validation
from trabecula.domain.results.result import SeriesRole

MANIFEST_VERSION = 1
MANIFEST_NAME = "manifest.json"
MODEL_NAME = "model.onnx"
SIGNATURE_NAME = "manifest.sig"
CARD_NAME = "CARD.md"
FEATURE_INPUT = "features"
PROBABILITY_OUTPUT = "probability"
SCORE_OUTPUT = "score"
IMAGE_INPUT = "image"
LOGIT_OUTPUT = "logit"


class BundleKind(StrEnum):
    """What the graph takes."""

    RADIOMICS = "radiomics"
    """A vector of named features."""
    CNN = "cnn"
    """Crops of vertebral bodies."""


class CalibrationMethod(StrEnum):
    """How raw scores became probabilities."""

    PLATT = "platt"
    """sigmoid(slope * score + intercept)."""
    ISOTONIC = "isotonic"
    """Piecewise linear, monotone; the knots are in the graph."""
    NONE = "none"


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95 % interval; ``method`` says how the interval was made (e.g. ``DeLong``, ``BCa``)."""

    estimate: float
    low: float
    high: float
    method: str = ""


@dataclass(frozen=True)
class AcquisitionRange:
    """What a series of one role must be for the model to apply.

    ``numeric`` maps a fact with its unit in the name (``kvp``, ``slice_thickness_mm``, ``repetition_time_ms``,
    ``echo_time_ms``, ``field_strength_t``) to (low, high), both allowed. ``allowed`` maps a fact to its allowed words:
    classes that hold for every vendor (``kernel_class``, ``contrast_phase``). ``seen`` maps facts to the vendors' own
    words in training (``kernel``, ``manufacturer``, ``model``): information, never a reason to abstain.
    The facts are those of ``SourceSeries.acquisition``; a fact that a series does not state is not a violation.
    """

    role: SeriesRole
    numeric: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    allowed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A frozen threshold on the calibrated probability, chosen on inner folds; ``rule`` says how."""

    name: str
    threshold: float
    rule: str
    sensitivity: Interval
    specificity: Interval


@dataclass(frozen=True)
class Calibration:
    """How the score became a probability; ``inside_graph`` says that the graph does it."""

    method: CalibrationMethod
    inside_graph: bool
    slope: float = 1.0
    intercept: float = 0.0


@dataclass(frozen=True, kw_only=True)
class EndpointModel:
    """One output column of the graph: what it predicts, its operating points and how well it was measured to do so.

    ``name`` is ``osteoporosis`` or ``abnormal_bone_density``; ``primary`` names the operating point that is reported.
    ``metrics`` come from nested cross-validation by patient (``auc``, ``brier``, ``calibration_slope``, ...).
    """

    name: str
    definition: str
    classifier: str
    n_patients: int
    n_events: int
    calibration: Calibration
    operating_points: tuple[OperatingPoint, ...]
    primary: str
    metrics: Mapping[str, Interval]
    validation: Validation | None = None
    """None in bundles that were exported before verdicts were kept."""

    @property
    def verdict(self) -> ModelVerdict:
        """Whether the run that made it supports it."""
        return self.validation.verdict if self.validation else ModelVerdict.NOT_STATED


@dataclass(frozen=True, kw_only=True)
class TrainingRange:
    """What the training cohort looked like to the model: how the service sees that a study lies outside.

    ``used`` are the columns of the layout that the model reads. ``mean``, ``sd``, ``low`` (p0.5) and ``high`` (p99.5)
    have one number per used column, in the units of the feature. A study is outside when more than
    ``max_outside_fraction`` of the used columns lie outside [low, high], or when its squared Mahalanobis distance
    ``d = z' precision z`` with ``z = (x - mean) / sd`` exceeds ``mahalanobis_limit``. Both limits are the 99th
    percentile of training patients held out by cross-validation. ``precision`` is row-major, used x used,
    the inverse of the shrunk (Ledoit-Wolf) covariance of z.
    """

    used: tuple[int, ...]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    max_outside_fraction: float
    precision: tuple[float, ...]
    mahalanobis_limit: float


class CropAggregation(StrEnum):
    """How the crops of one patient become one score, inside the graph."""

    MEAN_LOGIT = "mean_logit"
    """The mean of the crops' logits."""


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """What the graph of a CNN takes: crops of the levels of one series as squares of ``size`` pixels.

    ``channels`` repeats the one grey channel. Fewer than ``min_levels`` crops give no score. ``statistics`` names the
    numbers of a crop that ``training_range`` speaks of, in order.
    """

    size: int
    channels: int
    statistics: tuple[str, ...]
    aggregation: CropAggregation = CropAggregation.MEAN_LOGIT
    min_levels: int = 2


@dataclass(frozen=True, kw_only=True)
class Population:
    """Who the model was trained on."""

    description: str
    n_patients: int
    n_female: int
    n_male: int
    age_low: float
    age_high: float
    age_mean: float
    reference: str
    sites: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    n_phantoms: int | None = None
    """Digital phantoms among them, by their images; None in bundles that were exported before it was counted."""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where the model came from: enough to make it again."""

    recipe: str
    mode: str
    command: str
    seed: int
    created: str
    cohort_sha256: str
    feature_table_sha256: str
    software: Mapping[str, str]
    published: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a service must know of a bundle before it scores a patient.

    ``files`` maps each file of the bundle but the manifest to its SHA-256 (hex). ``feature_settings_sha256`` is the
    digest of the pinned extraction settings, for a CNN of its crop definition; ``regions`` names the region of interest
    version (e.g. ``body_v1``), for a CNN the crop definition (e.g. ``midsagittal_v1``). ``layout`` is None for a CNN,
    ``image`` is None for radiomics; ``training_range`` is of layout columns or of crop statistics. ``check_vectors``
    are inputs with their answers, on which the graph is tried before it is trusted. ``conditioning`` is None where the
    graph neither fills nor harmonises.
    """

    manifest_version: int
    model_id: str
    version: str
    kind: BundleKind
    title: str
    intended_use: str
    not_for: tuple[str, ...]
    demonstration: bool
    licence: str
    files: Mapping[str, str]
    population: Population
    inputs: tuple[AcquisitionRange, ...]
    regions: str
    endpoints: tuple[EndpointModel, ...]
    lineage: Lineage
    feature_settings_sha256: str = ""
    layout: FeatureLayout | None = None
    training_range: TrainingRange | None = None
    image: ImageInput | None = None
    ibsi: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    contact: str = ""
    check_vectors: tuple[CheckVector, ...] = ()
    conditioning: Conditioning | None = None

    @property
    def verdict(self) -> ModelVerdict:
        """The worst verdict of its endpoints."""
        order = list(ModelVerdict)
        return max((endpoint.verdict for endpoint in self.endpoints), key=order.index)

    @property
    def roles(self) -> tuple[SeriesRole, ...]:
        """The series the model needs, in input order."""
        return tuple(item.role for item in self.inputs)

    def endpoint(self, name: str) -> EndpointModel | None:
        """Return the endpoint of that name, or None."""
        return next((item for item in self.endpoints if item.name == name), None)
