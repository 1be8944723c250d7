from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from trabecula.web.api.description import description
from trabecula.web.desk.app import desk_app

COPY = Path(__file__).parents[3] / "docs" / "openapi.json"
METHODS = {"get", "put", "post", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(json.dumps(description(desk_app(None, {}))))  # type: ignore[arg-type] # routes need no parts


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def test_the_description_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_operation_has_a_name_a_summary_a_tag_and_a_door(document: dict[str, Any]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    names = [operation["operationId"] for _, operation in _operations(document)]

    assert len(names) == len(set(names)) > 30
    for path, operation in _operations(document):
        assert path.split()[1].startswith("/api/v1/"), path
        assert operation["summary"], path
        assert not operation["summary"].endswith("."), path
        assert set(operation["tags"]) <= tags, path
        assert operation["security"], path
    assert {tag for _, operation in _operations(document) for tag in operation["tags"]} == tags


def test_every_refusal_is_a_problem_document(document: dict[str, Any]) -> None:
    for path, operation in _operations(document):
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert {"401", "403", "422", "503"} <= set(refusals), path
        for status, answer in refusals.items():
            assert list(answer["content"]) == ["application/problem+json"], (path, status)


def test_every_body_of_a_request_has_an_example(document: dict[str, Any]) -> None:
    """On itself, on the class it is, or on each of its keys that must be given."""
    schemas = document["components"]["schemas"]
    for path, operation in _operations(document):
        contents = list(operation.get("requestBody", {}).get("content", {}).values())
        assert not contents or any(_has_example(content, schemas) for content in contents), path


def _has_example(content: dict[str, Any], schemas: dict[str, Any]) -> bool:
    schema = content["schema"]
    schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
    keys = schema.get("properties", {}).values()
    return "example" in content or "examples" in schema or any("examples" in key for key in keys)


def test_the_copy_in_the_documents_is_current(document: dict[str, Any]) -> None:
    """Write it anew with ``python -m tests.web.api.write_openapi``."""
    assert json.loads(COPY.read_text(encoding="utf-8")) == document
