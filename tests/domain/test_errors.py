from __future__ import annotations

import pytest

from trabecula.domain import errors
from trabecula.domain.errors import StorageFull, TrabeculaError
from trabecula.domain.errors_of.by_code import ERROR_MODULES, errors_by_code

EVERY_ERROR = sorted(
    {
        item
        for room in (errors, *ERROR_MODULES)
        for item in vars(room).values()
        if isinstance(item, type) and issubclass(item, TrabeculaError)
    },
    key=lambda item: item.__name__,
)


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_every_error_has_a_code_a_sentence_and_a_next_step(error: type[TrabeculaError]) -> None:
    raised = error("the detail")

    assert error.code == error.code.upper()
    assert raised.sentence.endswith("the detail.")
    assert len(error.next_step.split()) >= 3
    assert str(raised) == f"{error.code}: {raised.sentence} {error.next_step}"


def test_codes_are_unique() -> None:
    codes = [error.code for error in EVERY_ERROR]

    assert len(set(codes)) == len(codes)
    assert set(codes) <= set(errors_by_code())


@pytest.mark.parametrize("error", EVERY_ERROR)
def test_dimse_status_is_a_failure_of_the_storage_service(error: type[TrabeculaError]) -> None:
    # PS3.4 B.2.3: 0xA7xx out of resources, 0xA9xx, 0xCxxx; PS3.7 C: 0x01xx general failures
    assert error.dimse_status >> 8 in (0xA7, 0xA9, 0x01) or error.dimse_status >> 12 == 0xC


def test_a_full_disk_is_out_of_resources_and_may_be_retried() -> None:
    assert (StorageFull.dimse_status, StorageFull.retryable) == (0xA700, True)
