from __future__ import annotations

import time

import pytest

from trabecula.cli.doctor import checks, time_service
from trabecula.domain.errors import ClockWrong


def test_the_kernel_tells_its_own_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    told = time_service._Timex()

    assert time_service.ctypes.CDLL(None).adjtimex(time_service.ctypes.byref(told)) >= 0

    fraction = 1e9 if told.status & 0x2000 else 1e6  # STA_NANO
    assert told.seconds + told.microseconds / fraction == pytest.approx(time.time(), abs=5)
    bound = time_service.clock_error_bound()
    assert bound is None or 0 <= bound < 20


@pytest.mark.parametrize(
    ("bound", "services", "said"),
    [
        (0.004, ("chronyd",), "kept right to 0.004 s by chronyd"),
        (0.004, (), "kept right to 0.004 s"),
        (None, (), "nothing here keeps it right (no NTP)"),
    ],
)
def test_what_keeps_the_clock_is_told(
    monkeypatch: pytest.MonkeyPatch, bound: float | None, services: tuple[str, ...], said: str
) -> None:
    monkeypatch.setattr(checks, "clock_error_bound", lambda: bound)
    monkeypatch.setattr(checks, "time_services", lambda: services)

    assert checks._kept() == said


def test_a_time_service_that_has_not_got_hold_of_the_clock_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "clock_error_bound", lambda: None)
    monkeypatch.setattr(checks, "time_services", lambda: ("chronyd",))

    with pytest.raises(ClockWrong, match="chronyd runs and has not synchronised it"):
        checks._kept()
