"""A reader's names: which vertebra is which level, as a person who looked at the images says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trabecula.domain.spine import Level
from trabecula.domain.uids import NO_INSTANCE, InstanceUid


@dataclass(frozen=True, kw_only=True)
class LevelCorrection:
    """What a reader named: the vertebra whose body holds this pixel is ``level``; the others are counted from it.

    ``row`` and ``column`` count from 0 in the image (``frame`` from 1 in a multi-frame one). A place in an image holds
    for every later analysis of the study, whatever the software names the vertebra then. ``called`` is its name in the
    result that the reader looked at, e.g. ``L1``, or ``#3`` for the third unnamed body from the top.
    """

    sop_instance_uid: InstanceUid
    frame: int | None
    row: int
    column: int
    level: Level
    called: str
    outlined_by: InstanceUid = NO_INSTANCE
    """The reader's DICOM SEG whose outlines were named, "" for the software's: outlines that come later have names of
    their own."""

    @property
    def words(self) -> str:
        """How the levels were named, e.g. ``named by a reader: what the software called L1 is T12``."""
        return f"named by a reader: what the software called {self.called} is {self.level}"

    def to_json(self) -> dict[str, Any]:
        """Return the correction as the ledger and a child's request keep it."""
        place = {"sop_instance_uid": self.sop_instance_uid, "frame": self.frame, "row": self.row, "column": self.column}
        return place | {"level": self.level.name, "called": self.called, "outlined_by": self.outlined_by}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> LevelCorrection:
        """Return what ``to_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            sop_instance_uid=InstanceUid(str(document["sop_instance_uid"])),
            frame=None if document["frame"] is None else int(document["frame"]),
            row=int(document["row"]),
            column=int(document["column"]),
            level=Level[document["level"]],
            called=str(document["called"]),
            outlined_by=InstanceUid(str(document["outlined_by"])),
        )
