"""A recall: results of one maker (a model, a bundle, a segmenter, a version) that must not be relied on any more."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.uids import StudyUid


class Maker(StrEnum):
    """What makes a result, as a recall names it."""

    MODEL = "model"
    """A model bundle's id, as scores name it."""
    BUNDLE = "bundle"
    """The first digits (12 at least) of the SHA-256 of a model's manifest or of the segmenter's weights."""
    SEGMENTER = "segmenter"
    """Name and version of the segmenter, e.g. ``trabecula-spine 1.6.0``."""
    SOFTWARE = "software"
    """Version of this software."""


@dataclass(frozen=True)
class MadeBy:
    """Which results a recall concerns: those of ``maker`` called ``name``."""

    maker: Maker
    name: str

    @property
    def words(self) -> str:
        """In words, e.g. ``model site-ct``."""
        return f"{self.maker} {self.name}"


@dataclass(frozen=True, kw_only=True)
class RecalledResult:
    """One result of the maker. ``newest`` says that no newer revision replaces it; ``destinations`` have its objects;
    ``recalled`` that it was marked before."""

    study_uid: StudyUid
    revision: int
    category: str
    state: str
    newest: bool
    destinations: tuple[str, ...]
    recalled: bool
