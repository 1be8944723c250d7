from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.errors import BundleInvalid, TrabeculaError
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import PriorResult
from trabecula.domain.study.study import StoredFile
from trabecula.jobs.inside import run_child
from trabecula.pipeline.requests import ERROR_FILE, StageRequest, read_error

words = st.text(max_size=20)
requests = st.builds(
    StageRequest,
    study_uid=words,
    revision=st.integers(1, 1000),
    files=st.lists(st.builds(StoredFile, words, words, words, words), max_size=3).map(tuple),
    folder=words,
    analysed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    installation_uid=words,
    predecessors=st.lists(
        st.builds(
            Predecessor,
            sop_class_uid=words,
            sop_instance_uid=words,
            series_uid=words,
            analysed_at=st.none() | st.datetimes(timezones=st.just(UTC)),
        ),
        max_size=2,
    ).map(tuple),
    priors=st.lists(
        st.builds(
            PriorResult,
            study_uid=words,
            revision=st.integers(1, 9),
            study_date=words,
            modality=words,
            value=st.floats(0, 400),
            category=words,
        ),
        max_size=2,
    ).map(tuple),
)


@given(requests)
def test_a_request_survives_its_file(tmp_path_factory: pytest.TempPathFactory, request: StageRequest) -> None:
    path = tmp_path_factory.getbasetemp() / "request.json"

    request.write(path)

    assert StageRequest.read(path) == request


def written(folder: Path) -> Path:
    path = folder / "request.json"
    StageRequest(
        study_uid="1.2", revision=1, files=(), folder=str(folder), analysed_at=datetime(2026, 1, 1, tzinfo=UTC)
    ).write(path)
    return path


def test_a_child_that_works_ends_with_zero_and_leaves_no_error(tmp_path: Path) -> None:
    seen: list[StageRequest] = []

    assert run_child(written(tmp_path), seen.append) == 0

    assert seen[0].study_uid == "1.2"
    assert read_error(tmp_path) is None


def test_an_error_arrives_as_the_class_of_its_code(tmp_path: Path) -> None:
    def fail(_request: StageRequest) -> None:
        raise BundleInvalid("model.onnx")

    assert run_child(written(tmp_path), fail) == 3

    error = read_error(tmp_path)
    assert isinstance(error, BundleInvalid)
    assert (error.sentence, error.retryable) == ("A model bundle does not match its manifest: model.onnx.", False)


@given(st.binary(max_size=60))
def test_no_bytes_in_the_error_file_break_the_parent(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / ERROR_FILE).write_bytes(data)

    error = read_error(folder)

    assert error is None or isinstance(error, TrabeculaError)


def test_an_unknown_code_is_still_an_error(tmp_path: Path) -> None:
    (tmp_path / ERROR_FILE).write_text('{"code": "FROM_THE_FUTURE", "detail": "x"}')

    error = read_error(tmp_path)

    assert type(error) is TrabeculaError
    assert error.detail == "x"
