from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.trabecula_training.builders import made_cohort
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.reading import empty_cells, load_features
from trabecula_training.features.table import FeatureTable, save_features


def small_table() -> FeatureTable:
    _, table = made_cohort(3, 4, 1)
    return replace(table, stability={SeriesRole.CT: np.array([0.9, 0.8, 0.1, 0.9, 1.0])})


def test_a_table_survives_the_file(tmp_path: Path) -> None:
    table = small_table()
    save_features(table, tmp_path / "features.npz")

    found = load_features(tmp_path / "features.npz")

    assert found.sha256() == table.sha256()
    for name in ("names", "patients", "levels", "roles", "settings_sha256", "regions", "facts", "ibsi"):
        assert getattr(found, name) == getattr(table, name)
    np.testing.assert_array_equal(found.values, table.values)
    np.testing.assert_array_equal(found.stability[SeriesRole.CT], table.stability[SeriesRole.CT])


def test_csv_reads_with_its_json_beside_it(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("patient,level,role,a,b\np1,L1,CT,1.5,\np1,L2,CT,2,3\n", "utf-8")
    (tmp_path / "f.json").write_text(json.dumps({"settings_sha256": "ab", "regions": "body_v1"}), "utf-8")

    table = load_features(tmp_path / "f.csv")

    assert table.names == ("a", "b")
    assert table.levels == (Level.L1, Level.L2)
    assert np.isnan(table.values[0, 1])
    assert (table.settings_sha256, table.regions) == ("ab", "body_v1")


def test_biomarkers_are_no_features_and_average_over_levels() -> None:
    table = small_table()

    assert "measure_hu" not in table.feature_names
    assert len(table.measure("hu", SeriesRole.CT)) == 3
    assert table.measure("hu", SeriesRole.T1W) == {}
    assert table.measure("vbq", SeriesRole.CT) == {}
    first = table.values[:4, -1].mean()
    assert table.measure("hu", SeriesRole.CT)[table.patients[0]] == pytest.approx(first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ("a",)}, "do not fit"),
        ({"names": ("a", "a", "b", "c", "d")}, "same name"),
        ({"patients": ("p",) * 12}, "same patient"),
        ({"stability": {SeriesRole.CT: np.ones(2)}}, "one number per column"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FeatureTableInvalid, match=message) as caught:
        replace(small_table(), **changes)

    assert caught.value.code == "FEATURE_TABLE_INVALID"
    assert "trabecula-train extract" in caught.value.next_step


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ("patient,level\np,L1\n", r"line 1: the column role is missing \(CT, T1w or T2w\)"),
        ("patient,role,a\np,CT,1\n", "line 1: the column level is missing .one row for each vertebra"),
        ("Image,Mask,original_a\nx,y,1\n", "line 1: the column patient is missing"),
        ("patient,level,role,a,b\np,L1,CT,1,2\np,L2,CT,1\n", "line 3 has 4 cells, the heading 5"),
        ("patient,level,role,a\n\np,L9,CT,1\n", "line 3, level: L9 is none of L1, L2, L3, L4"),
        ("patient,level,role,a\np,L1,XA,1\n", "line 2, role: XA is none of CT, T1w, T2w"),
        ("patient,level,role,a\np,L1,CT,one\n", "line 2, a: one is not a number"),
        ("PK\x03\x04", "it is a damaged workbook"),
    ],
)
def test_a_wrong_csv_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "f.csv").write_text(content, "utf-8")

    with pytest.raises(FeatureTableInvalid, match=message):
        load_features(tmp_path / "f.csv")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FeatureTableInvalid, match=r"none\.npz"):
        load_features(tmp_path / "none.npz")


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_reads_as_a_table(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "features.npz"
    save_features(small_table(), path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    try:
        table = load_features(path)
    except FeatureTableInvalid:
        return
    assert isinstance(table, FeatureTable)


@pytest.mark.parametrize(
    "content",
    [
        b"patient;level;role;a;diagnostics_Mask-original_VoxelNum\np;l1;ct;1,5;7\nq;L2;CT;;8\n",
        "role\tlevel\ta\tpatient\nct\tL1\t1.5\tp\nCT\tL2\t\tq\n".encode("utf-16"),
        b"sep=;\npatient;level;role;a\np;L1;CT;1,5\nq;L2;CT;\n",
    ],
)
def test_tables_of_other_programs_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.csv").write_bytes(content)

    table = load_features(tmp_path / "f.csv")

    assert table.names == ("a",)
    assert table.patients == ("p", "q")
    assert table.roles == (SeriesRole.CT, SeriesRole.CT)
    np.testing.assert_array_equal(table.values, [[1.5], [np.nan]])
    assert empty_cells(table) == {"a": 1}
