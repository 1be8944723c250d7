"""What ``studies reprocess --diff`` shows: each study analysed again, beside what the ledger holds."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from typing import Any

from rich.progress import track

from trabecula.bootstrap.analysing import analyser_of
from trabecula.cli.output import console, error_console, print_table
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.results.difference import Difference
from trabecula.domain.uids import StudyUid
from trabecula.pipeline import KeptStudy, Services, compare_study, kept_study
from trabecula.scoring.activation import Activation
from trabecula.settings import Settings

_SHOWN_VALUES = 6
_BATCH = 64


@dataclass(frozen=True)
class Compared:
    """One study: the difference, or the code and sentence of why there is none."""

    study_uid: StudyUid
    difference: Difference | None
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class _Task:
    kept: KeptStudy
    settings: Settings
    activation: Activation | None


def compared(
    services: Services,
    settings: Settings,
    activation: Activation | None,
    study_uids: Sequence[StudyUid],
    workers: int,
) -> tuple[Compared, ...]:
    """Analyse each study as ``settings`` and ``activation`` say, in ``workers`` processes; nothing is written."""
    answers = _answers(services, settings, activation, study_uids, workers)
    return tuple(track(answers, "studies", total=len(study_uids), console=error_console))


def _answers(
    services: Services, settings: Settings, activation: Activation | None, study_uids: Sequence[StudyUid], workers: int
) -> Iterator[Compared]:
    if workers <= 1:
        for study_uid in study_uids:
            task = _task(services, settings, activation, study_uid)
            yield task if isinstance(task, Compared) else _compare(task)
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for start in range(0, len(study_uids), _BATCH):  # results are large: a few at a time are in memory
            batch = [_task(services, settings, activation, uid) for uid in study_uids[start : start + _BATCH]]
            yield from (task for task in batch if isinstance(task, Compared))
            yield from pool.map(_compare, [task for task in batch if isinstance(task, _Task)])


def _task(
    services: Services, settings: Settings, activation: Activation | None, study_uid: StudyUid
) -> _Task | Compared:
    try:
        return _Task(kept_study(services, study_uid), settings, activation)
    except TrabeculaError as error:
        return Compared(study_uid, None, error.code, error.sentence)


def _compare(task: _Task) -> Compared:
    study_uid = task.kept.result.study_uid
    try:
        analyser = analyser_of(task.settings, task.kept.files, task.activation, task.kept.outlines)
        return Compared(study_uid, compare_study(task.kept, analyser))
    except TrabeculaError as error:
        return Compared(study_uid, None, error.code, error.sentence)


def summary_of(rows: Sequence[Compared]) -> dict[str, int]:
    """Return how many studies would change, and how."""
    known = [row.difference for row in rows if row.difference is not None]
    return {
        "studies": len(rows),
        "changed": sum(item.changed for item in known),
        "unchanged": sum(not item.changed for item in known),
        "newly_flagged": sum(item.newly_flagged for item in known),
        "no_longer_flagged": sum(item.no_longer_flagged for item in known),
        "other_category": sum(
            item.before is not item.after and not (item.newly_flagged or item.no_longer_flagged) for item in known
        ),
        "failed": len(rows) - len(known),
    }


def comparison_document(rows: Sequence[Compared]) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {"studies": [_row_document(row) for row in rows], "summary": summary_of(rows)}


def _row_document(row: Compared) -> dict[str, Any]:
    if row.difference is None:
        return {"study_uid": row.study_uid, "error": {"code": row.code, "sentence": row.sentence}}
    item = row.difference
    return {
        "study_uid": item.study_uid,
        "revision": item.revision,
        "changed": item.changed,
        "category": {"before": item.before.value, "after": item.after.value},
        "scores": [asdict(change) for change in item.scores],
        "values": [asdict(change) for change in item.values],
        "reasons": {"gone": list(item.reasons_gone), "new": list(item.reasons_new)},
        "versions": {name: {"before": one, "after": two} for name, (one, two) in _versions(item).items()},
    }


def _versions(item: Difference) -> Mapping[str, tuple[str, str]]:
    return item.versions or {}


def print_comparison(rows: Sequence[Compared]) -> None:
    """Print a table for each study that would change, and the sum."""
    for row in rows:
        if row.difference is None:
            console.print(f"{row.study_uid}  {row.code}: {row.sentence}", markup=False, highlight=False)
        elif row.difference.changed:
            print_table(row.study_uid, ("", "before", "after"), _cells(row.difference))
    counts = summary_of(rows)
    console.print(
        f"{counts['changed']} of {counts['studies']} would change: {counts['newly_flagged']} newly flagged, "
        f"{counts['no_longer_flagged']} no longer flagged, {counts['other_category']} to another category; "
        f"{counts['unchanged']} unchanged, {counts['failed']} could not be compared. Nothing was written.",
        highlight=False,
    )


def _cells(item: Difference) -> Iterator[tuple[str, str, str]]:
    yield ("category", item.before.value, item.after.value)
    for score in item.scores:
        silent = "" if score.active else " (silent)"
        yield (f"{score.model_id} {score.endpoint}{silent}", _percent(score.before), _percent(score.after))
    for change in item.values[:_SHOWN_VALUES]:
        before, after = ("none" if value is None else f"{value:.4g}" for value in (change.before, change.after))
        yield (f"{change.level} {change.meaning}, {change.unit}", before, after)
    if len(item.values) > _SHOWN_VALUES:
        yield (f"and {len(item.values) - _SHOWN_VALUES} values more (--json)", "", "")
    if item.reasons_gone or item.reasons_new:
        yield ("reasons", " ".join(item.reasons_gone), " ".join(item.reasons_new))


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"
