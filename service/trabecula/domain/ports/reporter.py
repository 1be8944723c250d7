"""The port of the reporter: from an analysis to DICOM objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trabecula.domain.language import Language
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ResultObject
from trabecula.domain.study.study import StoredFile


@dataclass(frozen=True)
class ReportContext:
    """What a report needs beside the analysis.

    ``analysed_at`` becomes the content date and time of every object (so that a rebuild gives the same bytes).
    ``predecessors`` are the reports that this one supersedes, the newest of each language.
    ``languages`` are those in which report and picture are wanted, each as objects of its own.
    ``study_files`` are all image files of the revision (for a NOT_EVALUABLE study without a measured series).
    """

    analysed_at: datetime
    installation_uid: str
    study_files: tuple[StoredFile, ...]
    predecessors: tuple[Predecessor, ...] = ()
    languages: tuple[Language, ...] = (Language.ENGLISH,)


class Reporter(Protocol):
    """Port: turns an analysis into DICOM objects. Raises ReportInvalid."""

    def report(self, analysis: Analysis, context: ReportContext) -> tuple[ResultObject, ...]:
        """Return an SR for each language, then SEG and the pictures where there are any; the same input gives the same
        bytes. Raises CjkFontMissing where a language needs a font that is not there."""
        ...
