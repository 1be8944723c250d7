"""A reader's opinion of a result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ReaderVerdict(StrEnum):
    """Whether the reader would have said the same."""

    AGREE = "AGREE"
    DISAGREE = "DISAGREE"


@dataclass(frozen=True, kw_only=True)
class ReaderOpinion:
    """Who looked at a revision, when, and what they think of it."""

    revision: int
    reader: str
    verdict: ReaderVerdict
    comment: str
    at: datetime
