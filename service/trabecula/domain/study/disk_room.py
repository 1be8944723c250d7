"""When the disk will be full at the present rate: one estimate for doctors and for retention."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, kw_only=True)
class DiskRoom:
    """Free space above the watermark and what came in and went in the last days (bytes; ``days`` at most 7)."""

    free_bytes: int
    watermark_bytes: int
    came_bytes: int
    removed_bytes: int
    days: float

    @property
    def growth_per_day(self) -> float:
        """Bytes that stay each day."""
        return (self.came_bytes - self.removed_bytes) / self.days

    @property
    def days_left(self) -> float | None:
        """Days until the watermark is met, None where nothing grows."""
        if self.growth_per_day <= 0:
            return None
        return max(0.0, (self.free_bytes - self.watermark_bytes) / self.growth_per_day)

    def full_on(self, today: date) -> date | None:
        """Return the day on which new images would be refused; None where that is not within ten years."""
        left = self.days_left
        return None if left is None or left > 3650 else today + timedelta(days=left)

    def words(self, today: date) -> str:
        """Return the rate and the date for people."""
        day = self.full_on(today)
        rate = f"{self.growth_per_day / 2**30:.2f} GiB a day"
        if day is None:
            return f"growing by {rate}, not full within ten years" if self.growth_per_day > 0 else "not filling up"
        return f"at the present rate ({rate}) full on {day:%Y-%m-%d}"
