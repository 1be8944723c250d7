"""The features of a cohort for a recipe: extracted now, or taken from what an earlier extraction kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula_training.cohort.table import Cohort
from trabecula_training.features.extraction import (
    extract_cohort,
    feature_table,
    network_segmenter,
    segmenter_digest,
    store_of,
)
from trabecula_training.features.store import PatientFeatures
from trabecula_training.features.table import FeatureTable, save_features


@dataclass(frozen=True)
class Extraction:
    """What to extract and how: the feature set, processes of one thread each, and the patients (the first of the
    cohort) whose outlines are perturbed to judge each feature."""

    set_name: str
    workers: int = 1
    stability: int = 0


def features_place(cohort: Path, set_name: str, out: Path) -> Path:
    """Return where a cohort's table lies: beside cohort.csv, so that every run of it finds the same one; in ``out``
    where that folder may not be written."""
    folder = cohort.parent if os.access(cohort.parent, os.W_OK) else out
    return folder / f"features-{set_name}.npz"


def _ignore(found: PatientFeatures) -> None:
    """Take no notice of progress."""


def extract_features(
    cohort: Cohort, extraction: Extraction, path: Path, on_patient: Callable[[PatientFeatures], None] = _ignore
) -> FeatureTable:
    """Return the table of a cohort's studies and write it to ``path``; the folder of the same name beside it keeps
    every study's part, so that a broken-off or repeated extraction measures only what is new.

    ``on_patient`` hears of every patient, kept or measured. Raises FeatureTableInvalid when nothing could be measured.
    """
    bundle = find_segmenter_bundle()
    segmenter = partial(network_segmenter, bundle)
    store = store_of(path.with_suffix(""), extraction.set_name, segmenter_digest(bundle))
    found: list[PatientFeatures] = []
    for item in extract_cohort(cohort, extraction.set_name, extraction.workers, extraction.stability, segmenter, store):
        found.append(item)
        on_patient(item)
    table = feature_table(cohort, found, extraction.set_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_features(table, path)
    return table
