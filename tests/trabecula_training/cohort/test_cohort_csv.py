from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from tests.trabecula_training.builders import made_cohort, write_cohort_csv
from trabecula.domain.spine import Level
from trabecula_training.cli import app
from trabecula_training.cohort.cohort_csv import CohortReading, class_problems, read_cohort, task_problems
from trabecula_training.cohort.columns import REFERENCES, column_names
from trabecula_training.cohort.labels import OSTEOPOROSIS, BoneCategory, ReferenceKind
from trabecula_training.cohort.table import Part
from trabecula_training.data import data_file
from trabecula_training.problems import blocking

HEADING = "patient,study,qct_bmd_mg_cm3,t_score,z_score,age_years,sex,part"


def read(tmp_path: Path, *lines: str, heading: str = HEADING, need_studies: bool = False) -> CohortReading:
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join([heading, *lines]), "utf-8")
    return read_cohort(path, need_studies)


def test_right_lines_become_patients(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,,75.5,,,70,F,", "b,,,-2.5,,61,m,external", "", "c,,,,-2.1,35,female,development")

    assert reading.problems == ()
    first, second, third = reading.cohort.patients
    assert (first.category, first.reference) == (BoneCategory.OSTEOPOROSIS, ReferenceKind.QCT)
    assert (second.category, second.sex, second.part) == (BoneCategory.OSTEOPOROSIS, "M", Part.EXTERNAL)
    assert third.category is BoneCategory.BELOW_EXPECTED


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiter_and_byte_order_mark_do_not_matter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "cohort.csv"
    lines = ["patient,qct_bmd_mg_cm3,age_years,sex", "a,100,70,F"]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).replace(",", delimiter).encode())

    reading = read_cohort(path, need_studies=False)

    assert reading.problems == ()
    assert reading.cohort.patients[0].category is BoneCategory.LOW


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        ("a,,seventy,,,70,F,", "qct_bmd_mg_cm3", "not a number"),
        ("a,,nan,,,70,F,", "qct_bmd_mg_cm3", "not a number"),
        ("a,,4000,,,70,F,", "qct_bmd_mg_cm3", "not possible"),
        ("a,,75,,,700,F,", "age_years", "not possible"),
        ("a,,75,,,17,F,", "age_years", "not possible"),
        ("a,,75,,,,F,", "age_years", "empty"),
        ("a,,75,,,70,X,", "sex", "x"),
        ("a,,75,,,70,,", "sex", "empty"),
        (",,75,,,70,F,", "patient", "empty"),
        ("a,,,,,70,F,", " / ".join(REFERENCES), "no reference value"),
        ("a,,,,-2,70,F,", "t_score", "does not count"),
        ("a,,,-2,,40,M,", "z_score", "does not count"),
        ("a,,75,,,70,F,test", "part", "test"),
        ("a,,75,,,70", "", "6 cells"),
    ],
)
def test_a_wrong_line_is_named_with_its_column(tmp_path: Path, line: str, column: str, found: str) -> None:
    reading = read(tmp_path, "ok,,75,,,70,F,", line)

    assert len(reading.cohort.patients) == 1
    assert [(problem.line, problem.column) for problem in reading.problems] == [(3, column)]
    assert found in reading.problems[0].found
    assert reading.problems[0].remedy


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,,75,,,700,X,", "a,,bad,,,70,F,")

    assert [(p.line, p.column) for p in reading.problems] == [
        (2, "age_years"),
        (2, "sex"),
        (3, "qct_bmd_mg_cm3"),
        (3, "patient"),
    ]


def test_duplicate_patients_and_studies_are_named_with_both_lines(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "image.dcm").write_bytes(b"x")

    reading = read(tmp_path, "a,one,75,,,70,F,", "a,two,75,,,70,F,", "b,one,75,,,70,F,", need_studies=True)

    assert [(p.line, p.column, p.found) for p in reading.problems] == [
        (3, "patient", "a stands in line 2, too"),
        (4, "study", "one stands in line 2, too"),
    ]


def test_missing_and_empty_study_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    reading = read(tmp_path, "a,nowhere,75,,,70,F,", "b,empty,75,,,70,F,", "c,,75,,,70,F,", need_studies=True)

    assert [(p.line, p.column) for p in reading.problems] == [(2, "study"), (3, "study"), (4, "study")]


@pytest.mark.parametrize(
    ("heading", "column", "found"),
    [
        ("patient,age_years,qct_bmd_mg_cm3", "sex", "missing"),
        ("patient,age_years,sex", " / ".join(REFERENCES), "no reference value"),
        ("patient,age_years,sex,t_score,z_scor", "z_scor", "nearly z_score"),
        ("patient,age_years,sex,t_score,sex", "sex", "twice"),
    ],
)
def test_a_wrong_heading_is_told(tmp_path: Path, heading: str, column: str, found: str) -> None:
    reading = read(tmp_path, "x,1,2,3", heading=heading)

    assert [(p.line, p.column) for p in reading.problems] == [(1, column)]
    assert found in reading.problems[0].found


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"", "empty"), (b"\xff\xfe", "empty"), (HEADING.encode(), "no patients"), (None, "No such file")],
)
def test_files_that_are_no_cohort_are_told(tmp_path: Path, content: bytes | None, found: str) -> None:
    path = tmp_path / "cohort.csv"
    if content is not None:
        path.write_bytes(content)

    reading = read_cohort(path, need_studies=False)

    assert found in reading.problems[0].found


def test_one_class_and_too_few_events_are_told() -> None:
    cohort, _ = made_cohort(60)
    healthy = [patient for patient in cohort.patients if patient.category is not BoneCategory.OSTEOPOROSIS]
    ill = [patient for patient in cohort.patients if patient.category is BoneCategory.OSTEOPOROSIS]

    assert task_problems(cohort, OSTEOPOROSIS) == ()
    assert "one class only" in task_problems(type(cohort)(tuple(healthy)), OSTEOPOROSIS)[0].found
    few = type(cohort)((*healthy, *ill[:9]))
    assert f"9 positive, {len(healthy)} negative" in task_problems(few, OSTEOPOROSIS)[0].found


def test_a_written_cohort_reads_back(tmp_path: Path) -> None:
    cohort, _ = made_cohort(20, external=5)

    reading = read_cohort(write_cohort_csv(cohort, tmp_path / "cohort.csv"), need_studies=False)

    assert reading.problems == ()
    assert reading.cohort == cohort
    assert reading.cohort.sha256() == cohort.sha256()


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_give_problems_and_never_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes(b"patient,study,qct_bmd_mg_cm3,age_years,sex\n" + content)

    reading = read_cohort(path, need_studies=True)

    assert reading.problems


SITES = "patient,age_years,sex,qct_bmd_mg_cm3,site"


def test_densities_in_another_unit_are_told_in_one_line_for_each_site(tmp_path: Path) -> None:
    lines = ["a,70,F,104.2,A", "b,70,F,0.0952,B", "c,71,M,0.121,B", "d,71,M,74.0,B", "e,60,F,3,C", "f,60,F,0.08,"]

    reading = read(tmp_path, *lines, heading=SITES)

    assert [(problem.line, problem.column, problem.found) for problem in reading.problems] == [
        (3, "qct_bmd_mg_cm3", "site B: 2 of 3 densities are too small for mg/cm3 (0.0952 to 0.121): g/cm3"),
        (6, "qct_bmd_mg_cm3", "site C: 1 of 1 densities are too small for mg/cm3 (3)"),
        (7, "qct_bmd_mg_cm3", "1 of 1 densities are too small for mg/cm3 (0.08): g/cm3"),
    ]
    assert reading.problems[0].remedy == "Multiply g/cm3 by 1000."
    assert all(problem.blocking for problem in reading.problems)
    assert [patient.patient for patient in reading.cohort.patients] == ["a", "d"]


def test_a_density_below_zero_is_marrow_fat(tmp_path: Path) -> None:
    assert read(tmp_path, "a,88,F,-12,A", heading=SITES).problems == ()


@pytest.mark.parametrize("hint", ["sep=;\n", "SEP=;\r\n", '"sep=;"\n', "sep=;;;;;\n"])
def test_a_first_line_that_names_the_separator_is_read(tmp_path: Path, hint: str) -> None:
    path = tmp_path / "cohort.csv"
    lines = "patient;age_years;sex;qct_bmd_mg_cm3;site\na;70;F;104,2;A, north\nb;700;F;104,2;A\n"
    path.write_bytes((hint + lines).encode())

    reading = read_cohort(path, need_studies=False)

    assert [(patient.patient, patient.qct_bmd_mg_cm3, patient.site) for patient in reading.cohort.patients] == [
        ("a", 104.2, "A, north")
    ]
    assert [(problem.line, problem.column) for problem in reading.problems] == [(4, "age_years")]


def test_empty_columns_at_the_right_are_ignored_and_filled_ones_without_a_name_are_told(tmp_path: Path) -> None:
    empty = read(tmp_path, "a,70,F,104,A,,", "b,71,F,99,A, ,", "c,72,F,99,A", heading=f"{SITES},,")
    filled = read(tmp_path, "a,70,F,104,A,,x", "b,71,F,99,A,,", heading=f"{SITES},,")

    assert empty.problems == ()
    assert len(empty.cohort.patients) == 3
    assert [(problem.line, problem.column, problem.found) for problem in filled.problems] == [
        (1, "column 6", "the column has no name"),
        (1, "column 7", "the column has no name"),
    ]


def test_a_typographic_minus_is_told_in_its_line(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,70,F,\u22122.1,A", "b,70,F,-2.1,A", heading="patient,age_years,sex,t_score,site")

    assert [(problem.line, problem.column) for problem in reading.problems] == [(2, "t_score")]
    assert "\u22122.1 is not a number" in reading.problems[0].found


PLAIN = "patient;age_years;sex;qct_bmd_mg_cm3;site\nMüller;70;F;104,2;Köln\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_encoding_that_a_spreadsheet_writes_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes(PLAIN.encode(encoding))

    reading = read_cohort(path, need_studies=False)

    assert [(patient.patient, patient.site) for patient in reading.cohort.patients] == [("Müller", "Köln")]
    told = [problem.found for problem in reading.problems]
    assert told == (["no UTF-8; read as Windows-1252"] if encoding == "cp1252" else [])
    assert not blocking(reading.problems)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 rest", "it is a damaged workbook or zip file"),
        (b"%PDF-1.7", "it is a PDF file, not CSV"),
        (b"patient\xff\0", "it is no text: it holds zero bytes"),
    ],
)
def test_what_is_no_text_is_told_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "cohort.csv"
    path.write_bytes(content)

    (problem,) = read_cohort(path, need_studies=False).problems

    assert problem.found == words
    assert "CSV UTF-8" in problem.remedy


def test_headings_as_people_write_them_are_meant(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,70,F,-2.6,61", heading="Patient ID,Age (years),Gender,T-Score,Weight [kg]")

    assert reading.problems == ()
    assert reading.cohort.patients[0].t_score == -2.6
    assert reading.cohort.patients[0].weight_kg == 61


def test_a_column_that_is_not_known_is_a_remark(tmp_path: Path) -> None:
    reading = read(tmp_path, "a,70,F,104,23.1,yes", heading="patient,age_years,sex,qct_bmd_mg_cm3,bmi,smoker")

    assert [(item.column, item.blocking) for item in reading.problems] == [("bmi", False), ("smoker", False)]
    assert len(reading.cohort.patients) == 1


LABELS = "patient,age_years,sex,reference,category,t_score"


def test_categories_in_words_count_where_there_is_no_value(tmp_path: Path) -> None:
    lines = ["a,70,F,DXA,osteoporosis,", "b,70,F,QCT,Osteopenia,", "c,40,M,DXA,normal,", "d,70,F,DXA,low,-1.5"]

    reading = read(tmp_path, *lines, heading=LABELS)

    assert reading.problems == ()
    assert [str(patient.category) for patient in reading.cohort.patients] == ["osteoporosis", "low", "normal", "low"]


@pytest.mark.parametrize(
    ("line", "column", "found"),
    [
        ("a,70,F,,osteoporosis,", "reference", "only a category"),
        ("a,70,F,DXA,brittle,-2.6", "category", "brittle"),
        ("a,70,F,DXA,normal,-2.6", "category", "normal, but osteoporosis by the line's own value"),
    ],
)
def test_a_category_that_cannot_count_is_told(tmp_path: Path, line: str, column: str, found: str) -> None:
    (problem,) = read(tmp_path, line, heading=LABELS).problems

    assert problem.column == column
    assert found in problem.found


DATES = "patient,age_years,sex,t_score,study_date,reference_date"


def test_a_reference_of_another_year_is_a_remark_and_a_day_that_is_none_a_problem(tmp_path: Path) -> None:
    lines = ["a,70,F,-2.6,2026-01-10,2026-03-01", "b,70,F,-2.6,2026-01-10,2024-01-01", "c,70,F,-1,10.01.2026,"]

    reading = read(tmp_path, *lines, heading=DATES)

    assert [(item.line, item.column, item.blocking) for item in reading.problems] == [
        (3, "reference_date", False),
        (4, "study_date", True),
    ]
    assert reading.problems[0].found == "740 days from study_date"
    assert [patient.interval_days for patient in reading.cohort.patients] == [50, -740]


def test_paths_with_backslashes_and_names_that_cannot_be_printed(tmp_path: Path) -> None:
    (tmp_path / "studies" / "p1").mkdir(parents=True)
    (tmp_path / "studies" / "p1" / "a.dcm").write_bytes(b"x")

    right = read(tmp_path, "a,studies\\p1,75.5,,,70,F,", need_studies=True)
    wrong = read(tmp_path, "a\0b,,75.5,,,70,F,")

    assert right.problems == ()
    assert right.cohort.patients[0].study == tmp_path / "studies/p1"
    assert [problem.found for problem in wrong.problems] == ["holds a character that cannot be printed"]


def test_a_class_smaller_than_the_folds_is_told() -> None:
    assert "name the other tasks with --tasks" in class_problems("t", 5, 40)[0].remedy
    assert class_problems("t", 27, 40, 30)[0].found == "27 patients of a class for 30 folds"
    assert class_problems("t", 30, 40, 30) == ()


def test_the_template_has_every_column_that_the_docs_explain(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["template", str(tmp_path / "cohort.csv")])

    assert made.exit_code == 0, made.output
    assert (tmp_path / "cohort.csv").read_text().strip().split(",") == list(column_names())
    page = (Path(__file__).parents[3] / "docs" / "own-data.md").read_text("utf-8")
    for name, entry in data_file("cohort_columns.toml").items():
        assert f"| `{name}` | {entry.get('needed', '')} | {entry['meaning']} |" in page
    again = CliRunner().invoke(app, ["template", str(tmp_path / "cohort.csv")])
    assert again.exit_code == 2
    assert "TEMPLATE_REFUSED" in again.stderr


def test_single_vertebrae_may_have_their_own_t_score(tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    heading = "patient,t_score,t_score_l1,t_score_l4,age_years,sex\n"
    path.write_text(f'{heading}p1,-2.7,"-3,1",,71,F\np2,-1.2,,-12,66,M\n', "utf-8")

    reading = read_cohort(path, need_studies=False)

    assert reading.cohort.patients[0].level_t_scores == ((Level.L1, -3.1),)
    assert [(problem.line, problem.column) for problem in reading.problems] == [(3, "t_score_l4")]
