"""The port of the analyser: from the files of a study to an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.results.analysis import Analysis
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid


class Analyser(Protocol):
    """Port: chooses series, segments, measures, classifies. Pure CPU work, runs in a child process."""

    def analyse(
        self,
        study_uid: StudyUid,
        revision: int,
        files: Sequence[StoredFile],
        correction: LevelCorrection | None = None,
    ) -> Analysis:
        """Return the analysis; what cannot be measured is a NOT_EVALUABLE result with reasons, never an error.

        A reader's ``correction`` names the levels.
        """
        ...
