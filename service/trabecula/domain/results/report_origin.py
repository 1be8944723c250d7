"""What the objects of a revision were made from: by it they are known again after the ledger was restored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ReportOrigin:
    """The installation, the copies of the images (a digest), a reader's names, and when the images were analysed.

    Identifiers and times of the objects follow from these: with the same ones the same bytes would be made.
    """

    installation_uid: str
    images: str
    correction: Mapping[str, Any] | None
    analysed_at: datetime

    def is_of(self, other: ReportOrigin) -> bool:
        """Return whether both are of the same images, named alike, at the same installation."""
        own = (self.installation_uid, self.images, self.correction)
        return own == (other.installation_uid, other.images, other.correction)
