"""What a category rests on: a value against limits, models, a deformity, or reasons; sentences are made from these."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trabecula.domain.results.result import DecidedBy, Score

_MOST_DECIMALS = 12


class Quantity(StrEnum):
    """What was measured and compared; for one less is worse, for the other more."""

    ATTENUATION = "attenuation"
    """HU: low bone density at or below the lower limit, no flag above the upper one."""
    VBQ = "VBQ"
    """A ratio: low bone density at or above the upper limit, no flag below the lower one."""


class LimitPosition(StrEnum):
    """Where a value lies between the two limits of its quantity."""

    SUSPECT = "suspect"
    BETWEEN = "between"
    CLEAR = "clear"
    NO_LIMITS = "no limits"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A value held against its limits.

    ``value`` is the one after every conversion, ``raw`` the one as scanned, ``offset`` what a site subtracts before
    the comparison; all in the quantity's unit. ``where`` names the levels. Limits are None where there are none.
    ``left_open`` says why the category is open although the value lies outside both limits.
    """

    quantity: Quantity
    value: float
    raw: float
    where: str = ""
    offset: float = 0.0
    lower: float | None = None
    upper: float | None = None
    left_open: str = ""

    @property
    def compared(self) -> float:
        """The number that is held against the limits."""
        return round(self.value - self.offset, 4)

    @property
    def place(self) -> LimitPosition:
        """Where the compared number lies."""
        if self.lower is None or self.upper is None:
            return LimitPosition.NO_LIMITS
        if self.quantity is Quantity.ATTENUATION:
            if self.compared <= self.lower:
                return LimitPosition.SUSPECT
            return LimitPosition.CLEAR if self.compared > self.upper else LimitPosition.BETWEEN
        if self.compared >= self.upper:
            return LimitPosition.SUSPECT
        return LimitPosition.CLEAR if self.compared < self.lower else LimitPosition.BETWEEN

    @property
    def decided_by(self) -> DecidedBy:
        """The kind of ground."""
        return DecidedBy.MEASUREMENT


@dataclass(frozen=True)
class ByModels:
    """Models set the category where the measurement left it open. ``scores`` are those that set it, ``measured`` the
    value that did not decide (None where there was none)."""

    scores: tuple[Score, ...]
    measured: Measured | None

    @property
    def decided_by(self) -> DecidedBy:
        """The kind of ground."""
        return DecidedBy.MODEL


@dataclass(frozen=True)
class Withheld:
    """A possible vertebral fracture took back the answer that the density alone would have given."""

    measured: Measured | None

    @property
    def decided_by(self) -> DecidedBy:
        """The kind of ground."""
        return DecidedBy.DEFORMITY


@dataclass(frozen=True)
class ByReasons:
    """Nothing was decided: the reasons of the result say why."""

    @property
    def decided_by(self) -> DecidedBy:
        """The kind of ground."""
        return DecidedBy.REASONS


Ground = Measured | ByModels | Withheld | ByReasons


def told(value: float, limits: Sequence[float], decimals: int) -> tuple[str, tuple[str, ...]]:
    """Return a number and its limits as text, with so many decimals or as many more as leave the number on its side of
    every limit: 110.3 beside 110 is never printed as 110. Zeros behind the point of a limit are left out."""
    number, bounds = Decimal(repr(float(value))), [Decimal(repr(float(limit))) for limit in limits]
    for places in range(decimals, _MOST_DECIMALS):
        step = Decimal(1).scaleb(-places)
        shown, shown_bounds = number.quantize(step), [bound.quantize(step) for bound in bounds]
        if all(shown.compare(near) == number.compare(bound) for near, bound in zip(shown_bounds, bounds, strict=True)):
            return f"{shown:f}", tuple(_trimmed(near) for near in shown_bounds)
    return f"{number:f}", tuple(_trimmed(bound) for bound in bounds)


def told_percent(value: float, limit: float) -> tuple[str, str]:
    """Return a probability and its threshold (0 to 1) in percent, in the same way as ``told``."""
    hundredfold = [float(Decimal(repr(float(number))).scaleb(2)) for number in (value, limit)]
    shown, (bound,) = told(hundredfold[0], hundredfold[1:], 0)
    return shown, bound


def _trimmed(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
