"""Images left out of a measured series, each kind with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.results.reasons import Reason
from trabecula.imaging.acquisition import Frame


@dataclass(frozen=True)
class LeftOut:
    """Frames that are not used, and why; the reason speaks of the choice of images."""

    frames: tuple[Frame, ...]
    reason: Reason
