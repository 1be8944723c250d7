from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.sr._concepts_dict import concepts as published

from trabecula.domain import codes
from trabecula.domain.codes import PRIVATE_SCHEME, Code
from trabecula.domain.models.endpoint import Endpoint
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, SeriesRole
from trabecula.domain.spine import Level
from trabecula.reporting.sr.concepts import (
    category_code,
    coded,
    concept,
    endpoint_code,
    level_code,
    method_code,
    reason_code,
    role_code,
    table,
)


def test_every_private_code_means_one_thing() -> None:
    rows = [code for code in table().values() if code.scheme == PRIVATE_SCHEME]
    own = [code for name, code in vars(codes).items() if isinstance(code, Code) and code.scheme == PRIVATE_SCHEME]
    meanings: dict[str, set[str]] = {}
    for code in (*rows, *own, *(reason_code(reason) for reason in ReasonCode)):
        meanings.setdefault(code.value, set()).add(code.meaning)

    assert {value: found for value, found in meanings.items() if len(found) > 1} == {}


def test_every_reason_has_a_code_of_its_own() -> None:
    values = [reason_code(reason).value for reason in ReasonCode]

    assert len(set(values)) == len(values)
    assert all(len(value) <= 16 for value in values)


def test_reason_codes_stay_readable() -> None:
    assert reason_code(ReasonCode.METAL).value == "METAL"
    assert reason_code(ReasonCode.SLICE_THICKNESS).value == "SLICE-THICKNESS"
    assert reason_code(ReasonCode.NO_SITE_REFERENCE).meaning.endswith(" ...")


@pytest.mark.parametrize("scheme", ["DCM", "SCT"])
def test_public_codes_are_those_of_the_standard(scheme: str) -> None:
    known = {value: meaning for rows in published[scheme].values() for value, (meaning, _) in rows.items()}
    ours = {code.value: code.meaning for code in table().values() if code.scheme == scheme}

    assert set(ours) <= set(known)


def test_every_row_names_its_source() -> None:
    document = tomllib.loads(resources.files("trabecula.data").joinpath("codes.toml").read_text())

    rows = [row for name in ("concepts", "levels", "private") for row in document[name].values()]

    assert rows
    assert all(row["source"] for row in rows)


def test_levels_have_their_snomed_codes() -> None:
    assert level_code(Level.L1).value == "66794005"
    assert level_code(Level.L2).value == "14293000"
    assert level_code(Level.S1) == concept("vertebra")
    assert level_code(None) == concept("vertebra")


def test_every_category_role_and_endpoint_has_a_code() -> None:
    assert len({category_code(category) for category in Category}) == 4
    assert len({role_code(role) for role in SeriesRole}) == len(SeriesRole)
    assert endpoint_code("osteoporosis").value == "PROB-OP"
    assert endpoint_code("abnormal_bone_density").value == "PROB-ABN"
    assert endpoint_code("something else").value == "PROB"


def test_the_endpoints_of_the_shipped_models_have_codes_of_their_own() -> None:
    bundles = Path(__file__).parents[3] / "models" / "bundles"
    names = {
        str(endpoint["name"])
        for path in bundles.glob("*/manifest.json")
        for endpoint in json.loads(path.read_text(encoding="utf-8")).get("endpoints", ())
    }

    assert names == set(Endpoint)
    assert {endpoint_code(name).value for name in names} == {"PROB-OP", "PROB-ABN"}


def test_a_method_is_named_by_the_standard_where_it_can_be() -> None:
    assert method_code("", codes.VOLUME).value == "126030"
    assert method_code("vbq_v1", codes.VBQ).value == "VBQ-SI"
    assert method_code("trab_v1", codes.ATTENUATION).value == "TRAB-V1"
    assert method_code("", codes.ATTENUATION).value == "AUTO"


@given(
    st.text(alphabet="abcdefghijklmnopqrstuvwxyz_0123456789", min_size=1, max_size=60).filter(lambda s: s.strip("_"))
)
def test_any_method_name_becomes_a_valid_code(name: str) -> None:
    item = coded(method_code(name, codes.ATTENUATION))

    assert 0 < len(item.CodeValue) <= 16
    assert len(item.CodeMeaning) <= 64


def test_the_conformance_statement_lists_every_private_code() -> None:
    text = (Path(__file__).parents[3] / "docs" / "conformance.md").read_text(encoding="utf-8")
    own = [code for code in vars(codes).values() if isinstance(code, Code) and code.scheme == PRIVATE_SCHEME]
    rows = [code for code in table().values() if code.scheme == PRIVATE_SCHEME]

    missing = [f"| {code.value} | {code.meaning} |" for code in (*own, *rows)]
    missing += [f"| {reason_code(reason).value} | {reason.name} |" for reason in ReasonCode]

    assert [row for row in missing if row not in text] == []
