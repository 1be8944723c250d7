"""From a run and its refitted models to a bundle's manifest: nothing in it is typed twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trabecula.domain.models.bundle import (
    MANIFEST_VERSION,
    BundleKind,
    Calibration,
    CalibrationMethod,
    EndpointModel,
    ImageInput,
    Interval,
    Lineage,
    Manifest,
    OperatingPoint,
    Population,
    TrainingRange,
)
from trabecula.domain.models.conditioning import Conditioning
from trabecula.domain.models.feature_layout import FeatureLayout
from trabecula.domain.models.validation import CheckVector, ModelVerdict, Validation
from trabecula_training.cohort.labels import Task, reference_limits
from trabecula_training.features.cohort_summary import phantoms_among
from trabecula_training.features.extraction import OUTLINES_FACT
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.calibrators import Platt
from trabecula_training.learning.dataset import Dataset
from trabecula_training.learning.training_range import acquisition_ranges
from trabecula_training.learning.tuning import FittedModel
from trabecula_training.reporting.verdict import Belief, TaskVerdict, judged
from trabecula_training.statistics.decision import RULES

INTENDED_USE = "Research: probability of low bone density from images that were made for another reason, in adults."
NOT_FOR = (
    "Ruling out low bone density: a low probability does not exclude osteoporosis.",
    "Replacing DXA or QCT, or stating a T-score.",
    "Patients younger than 18 years.",
    "Studies outside the acquisition ranges and the training range stated here.",
)


@dataclass(frozen=True, kw_only=True)
class BundleText:
    """What people decide about a bundle."""

    model_id: str
    version: str
    title: str
    demonstration: bool
    population: str
    licence: str = "Apache-2.0"
    contact: str = ""
    primary: str = "balanced"


def endpoint_model(
    task: Task, model: FittedModel, found: Mapping[str, Any], dataset: Dataset, primary: str
) -> EndpointModel:
    """Return one endpoint: thresholds of the exported model; rates, metrics and verdict of nested cross-validation,
    from the task's part ``found`` of metrics.json."""
    evaluation = found["evaluations"][model.family]
    points = tuple(
        OperatingPoint(
            name=name,
            threshold=float(threshold),
            rule=RULES[name],
            sensitivity=_interval(evaluation["points"][name]["sensitivity"]),
            specificity=_interval(evaluation["points"][name]["specificity"]),
        )
        for name, threshold in model.thresholds.items()
    )
    metrics = {name: _interval(value) for name, value in evaluation["metrics"].items() if _complete(value)}
    calibrator = model.calibrator
    calibration = (
        Calibration(CalibrationMethod.PLATT, True, float(calibrator.slope), float(calibrator.intercept))
        if isinstance(calibrator, Platt)
        else Calibration(CalibrationMethod.ISOTONIC, True)
    )
    return EndpointModel(
        name=task.endpoint,
        definition=definition(task, dataset),
        classifier=f"{model.family} ({model.candidate})",
        n_patients=len(dataset.patients),
        n_events=int(dataset.data.labels.sum()),
        calibration=calibration,
        operating_points=points,
        primary=primary,
        metrics=metrics,
        validation=validation_of(judged(found, model.family)),
    )


def validation_of(told: TaskVerdict) -> Validation:
    """Return the verdict on the exported classifier as the manifest keeps it, with each question's answer."""
    verdict = {
        Belief.SUPPORTED: ModelVerdict.SUPPORTED,
        Belief.WITH_CARE: ModelVerdict.WITH_CARE,
        Belief.NO: ModelVerdict.NO,
    }[told.belief]
    lines = (f"{item.question.rstrip('?')}: {item.answer}. {item.sentence}" for item in told.findings)
    return Validation(verdict, tuple(lines))


def definition(task: Task, dataset: Dataset) -> str:
    """Return the endpoint in words, with the limits of the references that the cohort used."""
    limits = {name: entry["value"] for name, entry in reference_limits().items()}
    kinds = sorted({str(patient.reference) for patient in dataset.patients})
    if task.endpoint == "osteoporosis":
        words = {
            "QCT": f"QCT below {limits['qct_osteoporosis_below_mg_cm3']} mg/cm3",
            "DXA": f"DXA T-score {limits['t_score_osteoporosis_at_most']} or lower",
        }
    else:
        words = {
            "QCT": f"QCT {limits['qct_normal_above_mg_cm3']} mg/cm3 or lower",
            "DXA": f"DXA T-score below {limits['t_score_low_below']:.1f} (Z-score "
            f"{limits['z_score_below_expected_at_most']} or lower where T-scores do not count)",
        }
    return "; ".join(words[kind] for kind in kinds)


def _complete(found: Mapping[str, Any]) -> bool:
    return all(found[name] is not None for name in ("estimate", "low", "high"))


def _interval(found: Mapping[str, Any]) -> Interval:
    estimate = 0.0 if found["estimate"] is None else float(found["estimate"])
    low = 0.0 if found["low"] is None else float(found["low"])
    high = 1.0 if found["high"] is None else float(found["high"])
    return Interval(estimate, low, high, str(found["method"]))


@dataclass(frozen=True, kw_only=True)
class Content:
    """What the graph reads, by kind: a vector (``layout``) or pictures (``image``), and the range it was trained on.

    ``published`` is the study's citation; ``limits`` are further lines for the card.
    """

    kind: BundleKind
    published: str
    training_range: TrainingRange
    layout: FeatureLayout | None = None
    image: ImageInput | None = None
    limits: tuple[str, ...] = ()
    check_vectors: tuple[CheckVector, ...] = ()
    conditioning: Conditioning | None = None


def bundle_manifest(
    document: Mapping[str, Any],
    text: BundleText,
    endpoints: tuple[EndpointModel, ...],
    content: Content,
    first: Dataset,
    table: FeatureTable,
    created: str,
) -> Manifest:
    """Return the manifest, with ``files`` still empty; ``first`` is the data set of the first endpoint."""
    names = [patient.patient for patient in first.patients]
    shortfalls = [line for task in document["tasks"] for line in task["sample_size"]["shortfalls"]]
    return Manifest(
        manifest_version=MANIFEST_VERSION,
        model_id=text.model_id,
        version=text.version,
        kind=content.kind,
        title=text.title,
        intended_use=INTENDED_USE,
        not_for=NOT_FOR,
        demonstration=text.demonstration,
        licence=text.licence,
        files={},
        population=_population(first, text, table),
        inputs=acquisition_ranges(table, first.layout.roles, names),
        regions=table.regions,
        endpoints=endpoints,
        lineage=Lineage(
            recipe=str(document["recipe"]),
            mode=str(document["mode"]),
            command=str(document["command"]),
            seed=int(document["settings"]["seed"]),
            created=created,
            cohort_sha256=str(document["cohort"]["sha256"]),
            feature_table_sha256=str(document["features"]["sha256"]),
            software={str(name): str(version) for name, version in document["software"].items()},
            published=content.published,
        ),
        feature_settings_sha256=table.settings_sha256,
        layout=content.layout,
        training_range=content.training_range,
        image=content.image,
        ibsi=dict(table.ibsi),
        limits=(
            *content.limits,
            *_drawn_by_people(first, table),
            *dict.fromkeys(f"The training cohort is too small: {line}." for line in shortfalls),
        ),
        contact=text.contact,
        check_vectors=content.check_vectors,
        conditioning=content.conditioning,
    )


def _drawn_by_people(dataset: Dataset, table: FeatureTable) -> tuple[str, ...]:
    """What a card must say of masks of one's own; nothing where every body was outlined by the service."""
    drawn = sum(
        any(OUTLINES_FACT in table.facts.get((patient.patient, role), {}) for role in dataset.layout.roles)
        for patient in dataset.patients
    )
    if not drawn:
        return ()
    return (
        f"The bodies of {drawn} of {len(dataset.patients)} training patients were outlined by people; the service "
        "outlines by its own network, whose features differ.",
    )


def _population(dataset: Dataset, text: BundleText, table: FeatureTable) -> Population:
    patients = dataset.patients
    ages = np.array([patient.age_years for patient in patients])
    return Population(
        description=text.population,
        n_patients=len(patients),
        n_female=sum(patient.sex == "F" for patient in patients),
        n_male=sum(patient.sex == "M" for patient in patients),
        age_low=float(ages.min()),
        age_high=float(ages.max()),
        age_mean=float(ages.mean().round(1)),
        reference=", ".join(sorted({str(patient.reference) for patient in patients})),
        sites=tuple(sorted({patient.site for patient in patients if patient.site})),
        scanners=tuple(sorted({patient.scanner for patient in patients if patient.scanner})),
        n_phantoms=phantoms_among(patients, table),
    )
