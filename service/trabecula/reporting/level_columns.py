"""Which measurements of a level stand in a table for people, in which order and with how many digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trabecula.domain import codes


@dataclass(frozen=True)
class LevelColumn:
    """A column: its heading, what it says in full with its unit, concept and derivation, and its format."""

    heading: str
    meaning: str
    concept: str
    derivation: str
    form: str

    def value(self, level: Mapping[str, Any]) -> float | None:
        """Return the first measurement of the concept, the one that the report shows; None where there is none."""
        for item in level.get("measurements") or ():
            derived = (item.get("derivation") or {}).get("value", "")
            if item["concept"]["value"] == self.concept and derived == self.derivation:
                return float(item["value"])
        return None


LEVEL_COLUMNS: tuple[LevelColumn, ...] = (
    LevelColumn("HU", "mean attenuation, Hounsfield units", codes.ATTENUATION.value, codes.MEAN.value, ".0f"),
    LevelColumn("SD", "standard deviation, HU", codes.ATTENUATION.value, codes.STANDARD_DEVIATION.value, ".0f"),
    LevelColumn("signal", "mean signal intensity", codes.MR_SIGNAL.value, codes.MEAN.value, ".4g"),
    LevelColumn("VBQ", "vertebral bone quality score", codes.VBQ.value, "", ".2f"),
    LevelColumn("Ha", "anterior height, mm", codes.ANTERIOR_HEIGHT.value, "", ".1f"),
    LevelColumn("Hm", "middle height, mm", codes.MIDDLE_HEIGHT.value, "", ".1f"),
    LevelColumn("Hp mm", "posterior height, mm", codes.POSTERIOR_HEIGHT.value, "", ".1f"),
    LevelColumn("loss %", "height loss, percent", codes.HEIGHT_LOSS.value, "", ".0f"),
    LevelColumn("cm3", "volume of the body, cubic centimetres", codes.VOLUME.value, "", ".0f"),
)


def columns_with_values(levels: Sequence[Mapping[str, Any]]) -> tuple[LevelColumn, ...]:
    """Return the columns in which at least one level has a value."""
    return tuple(column for column in LEVEL_COLUMNS if any(column.value(level) is not None for level in levels))
