"""What ``studies reprocess --diff`` shows of studies that were analysed again, beside what the ledger holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.progress import track

from trabecula.bootstrap.comparing import comparing
from trabecula.cli.output import console, error_console, print_table
from trabecula.domain.results.difference import Difference
from trabecula.domain.uids import StudyUid
from trabecula.pipeline import Services, StudyComparison, compare_studies
from trabecula.scoring.activation import Activation
from trabecula.settings import Settings

_SHOWN_VALUES = 6


def compared(
    services: Services,
    settings: Settings,
    activation: Activation | None,
    study_uids: Sequence[StudyUid],
    workers: int,
) -> tuple[StudyComparison, ...]:
    """Analyse each study as ``settings`` and ``activation`` say, with a bar of progress; nothing is written."""
    with comparing(settings, activation, workers) as (compare, at_once):
        rows = compare_studies(services, study_uids, compare, at_once)
        return tuple(track(rows, "studies", total=len(study_uids), console=error_console))


def summary_of(rows: Sequence[StudyComparison]) -> dict[str, int]:
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


def comparison_document(rows: Sequence[StudyComparison]) -> dict[str, Any]:
    """Return everything as JSON values."""
    return {"studies": [_row_document(row) for row in rows], "summary": summary_of(rows)}


def _row_document(row: StudyComparison) -> dict[str, Any]:
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


def print_comparison(rows: Sequence[StudyComparison]) -> None:
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
