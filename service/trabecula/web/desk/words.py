"""Numbers and times as pages write them."""

from __future__ import annotations

from datetime import date, timedelta

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def ago(elapsed: timedelta) -> str:
    """Return how long ago, in the largest unit that is not vague: ``12 s``, ``3 min``, ``5 h``, ``9 days`` ago."""
    return f"{duration(max(elapsed.total_seconds(), 0.0))} ago"


def duration(seconds: float | None) -> str:
    """Return a time span: ``0.8 s``, ``12 s``, ``3 min``, ``2 h 05 min``, ``9 days``; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    if seconds < 2 * _DAY:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE):02d} min"
    return f"{seconds / _DAY:.0f} days"


def day(written: date | str | None) -> str:
    """Return a date, or one as DICOM writes it (PS3.5 6.2, DA), as ``2026-11-30``; what is no date stays as it is."""
    text = written.isoformat() if isinstance(written, date) else (written or "").strip()
    if len(text) == 8 and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text or "–"


def figure(value: float | None, digits: int = 0) -> str:
    """Return a number with a thin space between thousands and a true minus; a dash for none."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u2009").replace("-", "\u2212")


def count(number: int, one: str, many: str = "") -> str:
    """Return ``1 study``, ``3 studies``."""
    return f"{figure(number)} {one if number == 1 else many or one + 's'}"
