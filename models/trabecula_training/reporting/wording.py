"""Numbers as reports and terminals print them: true minus, dashes for what is missing, intervals in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trabecula.domain.models.bundle import Interval

DASH = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` decimals and a true minus, or a dash."""
    if value is None or math.isnan(value):
        return DASH
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def signed(value: float | None, digits: int = 3) -> str:
    """Return a difference with its sign, or a dash."""
    text = number(value, digits)
    return text if text == DASH or text.startswith("−") or float(text) == 0 else f"+{text}"


def percent(value: float | None) -> str:
    """Return a share as a percentage, or a dash."""
    return DASH if value is None or math.isnan(value) else f"{100 * value:.0f} %"


def p_value(value: float | None) -> str:
    """Return a p value; very small ones as a bound."""
    if value is not None and value < 0.001:
        return "< 0.001"
    return number(value)


def interval(value: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Return ``estimate (low to high)`` of an interval in metrics.json, or a dash."""
    if value is None or value["estimate"] is None:
        return DASH
    if value["low"] is None:
        return number(value["estimate"], digits)
    return f"{number(value['estimate'], digits)} ({number(value['low'], digits)} to {number(value['high'], digits)})"


def interval_words(value: Interval, digits: int = 2) -> str:
    """Return ``estimate (low to high)``, or the estimate alone where the bounds are undefined."""
    if math.isnan(value.low):
        return number(value.estimate, digits)
    return f"{number(value.estimate, digits)} ({number(value.low, digits)} to {number(value.high, digits)})"


def task_words(name: str) -> str:
    """Return the name of a task as people read it."""
    return name.replace("_", " ")
