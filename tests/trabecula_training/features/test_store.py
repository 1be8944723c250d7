"""Kept extractions: what was measured comes back as it was; what may have changed is measured again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.table import Cohort, Patient
from trabecula_training.features.extraction import extract_cohort
from trabecula_training.features.store import ExtractionStore, PatientFeatures

PLACES = [(SeriesRole.T1W, Level.L1), (SeriesRole.T1W, Level.L2), (SeriesRole.T2W, Level.L1)]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    (folder / "series").mkdir(parents=True)
    (folder / "series" / "1.dcm").write_bytes(b"image")
    return folder


@pytest.fixture
def store(tmp_path: Path) -> ExtractionStore:
    return ExtractionStore(tmp_path / "kept", "segmenter and settings")


def made(perturbed: bool = False) -> PatientFeatures:
    generator = np.random.default_rng(1)
    return PatientFeatures(
        patient="p1",
        features={place: generator.normal(size=5) for place in PLACES},
        measures={place: (float("nan"), 2.5) for place in PLACES},
        facts={SeriesRole.T1W: {"field_strength_t": 1.5, "manufacturer": "Ä"}, SeriesRole.T2W: {}},
        perturbed={
            role: tuple(generator.normal(size=(6, 5)) for _ in range(2)) for role in (SeriesRole.T1W, SeriesRole.T2W)
        }
        if perturbed
        else {},
    )


@pytest.mark.parametrize("perturbed", [False, True])
def test_what_was_kept_comes_back_as_it_was(store: ExtractionStore, study: Path, perturbed: bool) -> None:
    given = made(perturbed)

    store.keep(given, study, perturbed)
    found = store.find("p1", study, perturbed)

    assert found is not None
    assert (found.patient, found.facts, found.problem) == ("p1", given.facts, "")
    assert list(found.features) == PLACES
    for place in PLACES:
        np.testing.assert_array_equal(found.features[place], given.features[place])
        np.testing.assert_array_equal(found.measures[place], given.measures[place])
    assert list(found.perturbed) == list(given.perturbed)
    for role, bodies in given.perturbed.items():
        np.testing.assert_array_equal(np.stack(found.perturbed[role]), np.stack(bodies))


def test_a_study_that_could_not_be_measured_is_kept_with_its_reason(store: ExtractionStore, study: Path) -> None:
    store.keep(PatientFeatures(patient="p1", problem="No body."), study, False)

    found = store.find("p1", study, False)

    assert found == PatientFeatures(patient="p1", problem="No body.")


def test_what_may_end_otherwise_next_time_is_not_kept(store: ExtractionStore, study: Path) -> None:
    store.keep(PatientFeatures(patient="p1", problem="unreadable", settled=False), study, False)

    assert store.find("p1", study, False) is None
    assert not store.folder.exists()


def test_another_segmenter_or_a_changed_study_is_measured_again(store: ExtractionStore, study: Path) -> None:
    store.keep(made(), study, False)

    assert replace(store, made_by="another segmenter").find("p1", study, False) is None
    (study / "series" / "2.dcm").write_bytes(b"one more")
    assert store.find("p1", study, False) is None


def test_a_perturbed_extraction_serves_those_who_need_none_but_not_the_other_way(
    store: ExtractionStore, study: Path
) -> None:
    store.keep(made(), study, False)
    assert store.find("p1", study, True) is None

    fresh = replace(store, folder=store.folder / "fresh")
    fresh.keep(made(True), study, True)
    assert fresh.find("p1", study, False) is not None


def test_a_damaged_part_counts_as_absent_and_no_file_names_a_patient(store: ExtractionStore, study: Path) -> None:
    store.keep(made(), study, False)
    (part,) = store.folder.iterdir()
    assert "p1" not in part.name
    assert b"p1" not in part.read_bytes()

    part.write_bytes(part.read_bytes()[:100])

    assert store.find("p1", study, False) is None


def test_perturbations_kept_of_another_run_count_only_where_they_are_asked_for(
    store: ExtractionStore, study: Path
) -> None:
    person = Patient(patient="p1", study=study, reference=ReferenceKind.QCT, age_years=70.0, sex="F")
    store.keep(made(perturbed=True), study, perturbed=True)

    without, with_them = (
        next(iter(extract_cohort(Cohort((person,)), "jiang2026_mr", perturb_first=first, store=store)))
        for first in (0, 1)
    )

    assert without.perturbed == {}
    assert list(with_them.perturbed) == [SeriesRole.T1W, SeriesRole.T2W]
