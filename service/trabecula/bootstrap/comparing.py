"""Builders of what ``studies reprocess`` asks of the analysis: versions of today, and comparisons in processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from trabecula.bootstrap.analysing import analyser_of
from trabecula.pipeline import KeptStudy, StudyComparison, comparison_of
from trabecula.scoring.activation import Activation
from trabecula.settings import Settings

_BATCH = 64
"""Studies at a time whose results are in memory: enough to keep processes busy, some tens of megabytes."""
_DICOM_SEG = "dicom-seg"


def versions_for(settings: Settings) -> Callable[[KeptStudy], Mapping[str, str]]:
    """Return how an analysis of a study would be made now; an analyser is built once for each modality.

    Outlines from a DICOM SEG are of the study itself: there each study has versions of its own.
    """
    known: dict[object, Mapping[str, str]] = {}

    def versions(kept: KeptStudy) -> Mapping[str, str]:
        key = (kept.modality, kept.result.study_uid if settings.segmenter == _DICOM_SEG else "")
        if key not in known:
            known[key] = analyser_of(settings, kept.files).versions(kept.modality)
        return known[key]

    return versions


@contextmanager
def comparing(
    settings: Settings, activation: Activation | None, workers: int
) -> Iterator[tuple[Callable[[Sequence[KeptStudy]], Iterable[StudyComparison]], int]]:
    """Give what compares studies under these settings, in ``workers`` processes of one core each, and how many studies
    it takes at a time. ``activation`` stands in for the models in use."""
    compare = partial(_compare, settings, activation)
    if workers <= 1:
        yield partial(map, compare), 1
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield partial(pool.map, compare), _BATCH


def _compare(settings: Settings, activation: Activation | None, kept: KeptStudy) -> StudyComparison:
    return comparison_of(kept, lambda study: analyser_of(settings, study.files, activation, study.outlines))
