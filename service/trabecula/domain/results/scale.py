"""What the values of a result's levels are held against: limits, the conversion before it, and what is expected."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.spine import Level


@dataclass(frozen=True, kw_only=True)
class ValueScale:
    """Limits and expected value in the unit of the measurement (HU on CT, a ratio on MR), None where there are none.

    A value as scanned is compared as ``value * factor - offset``. ``expected`` is the mean of people of this age at
    ``expected_level``.
    """

    lower: float | None = None
    upper: float | None = None
    factor: float = 1.0
    offset: float = 0.0
    expected: float | None = None
    expected_sd: float | None = None
    expected_level: Level | None = None
    least_change_percent: float | None = None
    """The least significant change between two such values of one person; None where none is known."""

    def compared(self, value: float) -> float:
        """Return a value as it is held against the limits."""
        return value * self.factor - self.offset

    @property
    def converts(self) -> bool:
        """Whether compared values are others than those as scanned."""
        return abs(self.factor - 1.0) > 1e-9 or abs(self.offset) > 1e-9
