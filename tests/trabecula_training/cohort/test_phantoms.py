"""Phantom cohorts: the same people in every run, tables that training reads, a broken-off run that goes on."""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trabecula.domain.modality import Modality
from trabecula.phantom.protocols import COHORT_CT, COHORT_MR
from trabecula.phantom.variety import varied_ct, varied_mr
from trabecula_training.cli import app
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.phantoms import (
    COHORT_FILE,
    DETAILS_FILE,
    Acquisitions,
    CohortPlan,
    ReferenceChoice,
    Size,
    make_cohort,
    member,
    scanners,
    spec,
)
from trabecula_training.cohort.table import Part

PLAN = CohortPlan(
    patients=3, modality=Modality.MR, seed=5, size=Size.SMALL, reference=ReferenceChoice.QCT, sites=2, external=True
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("cohort")
    list(make_cohort(PLAN, target, workers=1))
    return target


def test_training_reads_the_cohort_without_complaint(folder: Path) -> None:
    reading = read_cohort(folder / COHORT_FILE, need_studies=True)

    assert reading.problems == ()
    assert [patient.patient for patient in reading.cohort.patients] == ["PHANTOM-0001", "PHANTOM-0002", "PHANTOM-0003"]
    assert all(patient.category is not None for patient in reading.cohort.patients)
    assert {patient.part for patient in reading.cohort.patients} <= {Part.DEVELOPMENT, Part.EXTERNAL}


def test_every_study_lies_where_the_table_says(folder: Path) -> None:
    details = {row["patient"]: row for row in rows(folder / DETAILS_FILE)}

    for row in rows(folder / COHORT_FILE):
        images = sorted((folder / row["study"]).rglob("*.dcm"))
        header = pydicom.dcmread(images[0], stop_before_pixels=True)
        assert header.PatientID == row["patient"]
        assert header.StudyInstanceUID == details[row["patient"]]["study_uid"]
        assert header.MagneticFieldStrength == float(details[row["patient"]]["field_tesla"])
        truth = json.loads((folder / row["study"] / "truth.json").read_text())
        assert truth["qct_mg_cm3"] == float(row["qct_bmd_mg_cm3"])


def test_a_run_that_was_broken_off_makes_only_what_is_missing(folder: Path) -> None:
    first, second = (folder / member(PLAN, number).folder for number in (1, 2))
    kept = next(first.rglob("*.dcm")).stat().st_mtime_ns
    (second / "truth.json").unlink()
    os.utime(next(second.rglob("*.dcm")), ns=(1, 1))

    list(make_cohort(PLAN, folder, workers=1))

    assert next(first.rglob("*.dcm")).stat().st_mtime_ns == kept
    assert (second / "truth.json").is_file()
    assert next(second.rglob("*.dcm")).stat().st_mtime_ns > 1


def test_ct_and_mr_cohorts_of_one_seed_hold_the_same_people_and_null_ones_other_images() -> None:
    ct, mr = (member(CohortPlan(patients=1, modality=modality, seed=3), 1) for modality in (Modality.CT, Modality.MR))
    null = member(CohortPlan(patients=1, modality=Modality.CT, seed=3, null=True), 1)

    assert ct.patient == mr.patient
    assert ct.study_uid != mr.study_uid
    assert null.patient.reference == ct.patient.reference
    assert null.patient.bone != ct.patient.bone


def test_the_command_makes_a_cohort_in_parallel_processes(tmp_path: Path) -> None:
    arguments = ["phantom-cohort", "--out", str(tmp_path), "--patients", "2", "--modality", "MR", "--size", "small"]

    answer = CliRunner().invoke(app, [*arguments, "--workers", "2", "--json"])

    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout.splitlines()[-1])["patients"] == 2
    assert {row["reference"] for row in rows(tmp_path / COHORT_FILE)} == {"QCT"}


def test_an_external_set_needs_a_second_site(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["phantom-cohort", "--out", str(tmp_path), "--external", "--sites", "1"])

    assert answer.exit_code == 2
    assert "--sites 2" in answer.output


def test_patients_are_scanned_differently_unless_told_otherwise() -> None:
    plan = CohortPlan(patients=40, modality=Modality.CT, sites=4)
    varied = [spec(plan, number).protocol for number in range(1, 41)]
    fixed = [spec(replace(plan, acquisitions=Acquisitions.FIXED), number).protocol for number in range(1, 41)]

    assert {protocol.kvp for protocol in varied} == {100, 120, 140}
    assert len({protocol.thickness_mm for protocol in varied}) > 4
    assert {(protocol.kvp, protocol.thickness_mm) for protocol in fixed} == {(120, 1.0)}
    assert {protocol.scanner for protocol in varied} == set(scanners(Modality.CT))


@given(seed=st.integers(0, 2**32 - 1))
def test_a_varied_protocol_keeps_field_of_view_scanner_and_weighting(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ct, mr = varied_ct(COHORT_CT, rng), varied_mr(COHORT_MR, rng)

    for made, base in ((ct, COHORT_CT), (mr, COHORT_MR)):
        assert made.matrix[0] * made.pixel_mm == pytest.approx(base.matrix[0] * base.pixel_mm, rel=0.01)
        assert made.scanner == base.scanner
    assert ct.increment_mm <= ct.thickness_mm <= 3.0
    times = [mr.times(sequence) for sequence in mr.sequences]
    assert 400 <= times[0][0] <= 850
    assert 8 <= times[0][1] <= 20
    assert 2250 <= times[1][0] <= 4500
