"""The check before any work: real phantom studies, damaged, mixed up, doubled and missing, each named by its line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec, MrStudySpec
from trabecula_training.cli import app
from trabecula_training.cohort.labels import OSTEOPOROSIS
from trabecula_training.cohort.study_check import read_study
from trabecula_training.errors import CohortInvalid
from trabecula_training.features.table import FeatureTable, save_features
from trabecula_training.learning.recipe import InputSet
from trabecula_training.problems import Problem, counted
from trabecula_training.runs.preflight import Preflight, Wanted, check_features, check_studies

TINY = CtProtocol(pixel_mm=1.6, matrix=(120, 90), thickness_mm=4.0, increment_mm=4.0)
CT = (SeriesRole.CT,)
MR = (SeriesRole.T1W, SeriesRole.T2W)
HEADING = "patient,study,qct_bmd_mg_cm3,age_years,sex"


@pytest.fixture(scope="module")
def ct(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ct")
    write_study(make_ct_study(CtStudySpec(sample_patient(1, 4, age_years=70, density_l1=105.0), TINY)), folder)
    return folder


@pytest.fixture(scope="module")
def mr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mr")
    write_study(make_mr_study(MrStudySpec(sample_patient(1, 5, age_years=60), case="check")), folder)
    return folder


@pytest.fixture
def copy(ct: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ct, tmp_path / "copy"))


def sex_of(folder: Path) -> str:
    return str(pydicom.dcmread(images(folder)[0], stop_before_pixels=True).PatientSex)


def images(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.dcm"))


def check(tmp_path: Path, *lines: str, roles: tuple[SeriesRole, ...] = CT) -> Preflight:
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join([HEADING, *lines]), "utf-8")
    return check_studies(path, roles)


def told(found: Preflight) -> list[tuple[int, str, bool]]:
    return [(problem.line, problem.found, problem.blocking) for problem in found.problems]


def test_a_whole_study_has_its_role_and_no_problem(ct: Path, tmp_path: Path) -> None:
    found = check(tmp_path, f"a,{ct},105,70,{sex_of(ct)}")

    facts = found.studies["a"]
    assert found.problems == ()
    assert (facts.images, dict(facts.series), facts.modalities) == (len(images(ct)), {SeriesRole.CT: 1}, {"CT"})
    assert [patient.patient for patient in found.usable().patients] == ["a"]


def test_a_study_of_the_other_modality_gives_no_series(ct: Path, mr: Path, tmp_path: Path) -> None:
    found = check(tmp_path, f"a,{mr},105,60,{sex_of(mr)}", f"b,{ct},105,70,{sex_of(ct)}", roles=CT)

    assert told(found) == [(2, "no usable CT series", True)]
    with pytest.raises(CohortInvalid) as caught:
        found.usable()
    assert caught.value.problems == found.problems
    assert "1 problem" in caught.value.sentence


def test_a_study_without_one_of_two_series_is_a_remark(mr: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(mr, tmp_path / "t1"))
    for path in images(folder):
        if pydicom.dcmread(path, stop_before_pixels=True).EchoTime > 60:
            path.unlink()

    found = check(tmp_path, f"a,{folder},105,60,{sex_of(mr)}", roles=MR)

    assert told(found) == [(2, "no usable T2w series", False)]
    assert found.usable().patients


def test_a_folder_without_images_and_one_of_damaged_images_are_told_apart(ct: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("no images")
    (tmp_path / "broken").mkdir()
    for number, path in enumerate(images(ct)[:3]):
        (tmp_path / "broken" / f"{number}.dcm").write_bytes(path.read_bytes()[:150])

    found = check(tmp_path, "a,notes,105,70,F", "b,broken,105,70,F")

    assert told(found) == [(2, "no DICOM images", True), (3, "3 damaged DICOM files, no readable one", True)]


def test_damaged_files_within_a_study_are_counted(copy: Path, tmp_path: Path) -> None:
    sex = sex_of(copy)
    for path in images(copy)[:2]:
        path.write_bytes(path.read_bytes()[:200])

    found = check(tmp_path, f"a,{copy},105,70,{sex}")

    assert (2, "2 damaged DICOM files", True) in told(found)


def test_images_that_were_cut_off_are_counted(copy: Path, tmp_path: Path) -> None:
    sex = sex_of(copy)
    for path in images(copy)[:4]:
        path.write_bytes(path.read_bytes()[:-5000])

    found = check(tmp_path, f"a,{copy},105,70,{sex}")

    assert told(found) == [(2, f"CT: 4 of {len(images(copy))} images are cut off", True)]


def test_pixels_that_cannot_be_decoded_are_told(copy: Path, tmp_path: Path) -> None:
    sex = sex_of(copy)
    for path in images(copy):
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
        dataset.PixelData = pydicom.encaps.encapsulate([b"no image" * 40])
        dataset["PixelData"].VR = "OB"
        dataset.save_as(path)

    found = check(tmp_path, f"a,{copy},105,70,{sex}")

    assert len(found.problems) == 1
    assert "pixel data cannot be decoded" in found.problems[0].found


def test_one_person_twice_is_found_by_the_study_itself(ct: Path, copy: Path, tmp_path: Path) -> None:
    sex = sex_of(ct)

    found = check(tmp_path, f"a,{ct},105,70,{sex}", f"b,{copy},105,70,{sex}")

    assert told(found) == [(3, "holds the same DICOM study as line 2", True)]


def test_two_studies_in_one_folder_are_told(ct: Path, mr: Path, tmp_path: Path) -> None:
    both = tmp_path / "both"
    shutil.copytree(ct, both / "ct")
    shutil.copytree(mr, both / "mr")

    assert (2, "2 studies in one folder", True) in told(check(tmp_path, f"a,{both},105,70,{sex_of(ct)}"))


def test_a_line_of_somebody_else_is_a_remark(ct: Path, tmp_path: Path) -> None:
    other = {"F": "M", "M": "F"}[sex_of(ct)]

    found = check(tmp_path, f"a,{ct},105,44,{other}")

    assert told(found) == [
        (2, f"{other}, but {sex_of(ct)} in the images", False),
        (2, "44, but 70 in the images", False),
    ]


def test_tasks_count_only_patients_whose_study_is_usable(ct: Path, tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join([HEADING, f"a,{ct},60,70,{sex_of(ct)}"]), "utf-8")

    found = check_studies(path, CT, (OSTEOPOROSIS,))

    assert [(p.line, p.column, p.found) for p in found.problems] == [(0, "osteoporosis", "one class only (1 positive)")]


def test_several_processes_find_the_same(ct: Path, mr: Path, tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join([HEADING, f"a,{ct},60,70,{sex_of(ct)}", f"b,{mr},60,60,{sex_of(mr)}"]), "utf-8")
    seen: list[tuple[int, int]] = []

    found = check_studies(path, CT, (), workers=2, on_study=lambda done, total: seen.append((done, total)))

    assert found == check_studies(path, CT)
    assert seen == [(1, 2), (2, 2)]


def test_the_command_answers_in_json_and_refuses(ct: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(f"{HEADING}\na,{ct},60,70,{sex_of(ct)}\nb,nowhere,60,700,F\n", "utf-8")

    answer = CliRunner().invoke(app, ["check", "xue2022", "--cohort", str(cohort), "--workers", "1", "--json"])

    document = json.loads(answer.stdout)
    assert answer.exit_code == 2
    assert document["error"] == "COHORT_INVALID"
    assert [(row["line"], row["column"]) for row in document["problems"][:2]] == [(3, "age_years"), (3, "study")]
    assert {row["column"] for row in document["problems"] if row["line"] == 0} == {
        "normal_vs_osteoporosis",
        "osteopenia_vs_osteoporosis",
        "normal_vs_osteopenia",
        "osteoporosis",
        "abnormal_bone_density",
    }


def test_tasks_can_be_left_out_and_every_recipe_can_be_asked(mr: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(f"{HEADING}\na,{mr},60,60,{sex_of(mr)}\n", "utf-8")
    files = ["--cohort", str(cohort), "--workers", "1", "--json"]

    for recipe, task in (("jiang2026", "osteoporosis"), ("b4_2026", "osteoporosis")):
        answer = CliRunner().invoke(app, ["check", recipe, *files, "--tasks", task])

        document = json.loads(answer.stdout)
        assert [row["column"] for row in document["problems"]] == [task], recipe
    unknown = CliRunner().invoke(app, ["check", "jiang2026", *files, "--tasks", "height"])
    assert json.loads(unknown.stdout)["error"] == "RECIPE_UNKNOWN"


def test_the_command_tells_people_line_by_line(ct: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(f"{HEADING}\na,{ct},60,70,{sex_of(ct)}\n", "utf-8")

    answer = CliRunner().invoke(app, ["check", "xue2022", "--cohort", str(cohort), "--workers", "1"])

    assert answer.exit_code == 2
    assert "one class only (1 positive)" in answer.stderr
    assert "COHORT_INVALID: The cohort cannot be used: 5 problems." in answer.stderr


def test_extraction_refuses_before_it_segments_anything(mr: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort.csv"
    cohort.write_text(f"{HEADING}\na,{mr},60,60,{sex_of(mr)}\n", "utf-8")
    out = tmp_path / "features.npz"

    answer = CliRunner().invoke(
        app,
        ["extract", "--cohort", str(cohort), "--out", str(out), "--settings", "xue2022_ct", "--workers", "1"],
    )

    assert answer.exit_code == 2
    assert "no usable CT series" in answer.stderr
    assert not out.exists()


def test_counting_in_words() -> None:
    hard, soft = (
        Problem(line=1, column="a", found="b", remedy="c"),
        Problem(line=1, column="a", found="b", remedy="c", blocking=False),
    )

    assert counted([hard]) == "1 problem"
    assert counted([hard, hard, soft]) == "2 problems and 1 remark"
    assert counted([soft, soft]) == "2 remarks"
    assert counted([]) == "no problems"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.integers(0, 3000), st.booleans())
def test_any_bytes_in_a_folder_are_told_and_never_an_error(
    ct: Path, tmp_path: Path, noise: bytes, place: int, bare: bool
) -> None:
    whole = images(ct)[0].read_bytes()
    content = bytes(128) + b"DICM" + noise if bare else whole[:place] + noise + whole[place + len(noise) :]
    (tmp_path / "one.dcm").write_bytes(content)

    facts = read_study(tmp_path, CT)

    assert facts.images + facts.damaged >= 1
    assert facts.series == {}


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    facts = read_study(tmp_path, CT)

    assert (facts.images, facts.damaged, dict(facts.series)) == (0, 0, {})


WANTED = Wanted(pairs=((InputSet("CT", CT), OSTEOPOROSIS),), aggregation=LevelAggregation.CONCATENATE)


def tabled(tmp_path: Path, table: FeatureTable, wanted: Wanted = WANTED) -> tuple[str, ...]:
    """What the check tells of a made cohort with this table, blocking problems only."""
    cohort, _ = made_cohort(60, 4, 2)
    write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")
    found, _ = check_features(tmp_path / "cohort.csv", tmp_path / "features.npz", wanted)
    return tuple(f"{item.column}: {item.found}" for item in found.problems if item.blocking)


def test_the_check_makes_the_data_sets_of_the_run(tmp_path: Path) -> None:
    _, table = made_cohort(60, 4, 2)
    first = np.array([str(level) == "L1" for level in table.levels])
    only = replace(
        table,
        patients=tuple(name for name, kept in zip(table.patients, first, strict=True) if kept),
        levels=tuple(level for level, kept in zip(table.levels, first, strict=True) if kept),
        roles=tuple(role for role, kept in zip(table.roles, first, strict=True) if kept),
        values=table.values[first],
        facts={},
    )

    assert tabled(tmp_path, table) == ()
    (alone,) = tabled(tmp_path, only)
    assert alone.startswith("CT: osteoporosis: one class only")
    assert "60 have fewer than 2 usable levels" in alone
    other = replace(WANTED, pairs=((InputSet("T1", (SeriesRole.T1W,)), OSTEOPOROSIS),))
    assert tabled(tmp_path, table, other) == ("T1: osteoporosis: it holds no rows of T1w",)
    (many,) = tabled(tmp_path, table, replace(WANTED, folds=30))
    assert "of a class for 30 folds" in many


def test_empty_cells_are_told_with_what_they_cost(tmp_path: Path) -> None:
    cohort, table = made_cohort(60, 4, 2)
    table.values[::9, 1] = np.nan
    write_cohort_csv(cohort, tmp_path / "cohort.csv")
    save_features(table, tmp_path / "features.npz")

    found, _ = check_features(tmp_path / "cohort.csv", tmp_path / "features.npz", WANTED)

    (remark,) = found.problems
    assert not remark.blocking
    assert remark.found == "27 of 240 rows have empty cells, most in original_feature_1 (27)"
