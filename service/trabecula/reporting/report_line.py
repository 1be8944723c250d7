"""A line of a structured report that was read back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportLine:
    """One content item: how deep it lies, its concept, and its value in words (empty for a container)."""

    depth: int
    concept: str
    value: str
