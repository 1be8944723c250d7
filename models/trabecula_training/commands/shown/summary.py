"""The end of a run, in the terminal: each question with its AUC, the strongest baseline, and whether to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from trabecula.cli.tables import print_table_to
from trabecula_training.commands.output import plain_table
from trabecula_training.reporting.wording import interval, signed, task_words

SOUND_COLUMNS = ("question", "best model", "AUC (95 %)", "strongest baseline", "difference (95 %)", "believe it?")
PAPER_COLUMNS = ("question", "model", "AUC, optimistic (95 %)", "believe it?")


def print_summary(console: Console, document: Mapping[str, Any], metrics: Path, report: Path) -> None:
    """Print the verdict on a run, its table, and where the files are."""
    print_table_to(console, summary_table(document))
    ordinal = ordinal_table(document)
    if ordinal is not None:
        print_table_to(console, ordinal)
    whole = not console.is_terminal  # a file gets a sentence in one line
    console.print(document["verdict"]["headline"], style="bold", markup=False, highlight=False, soft_wrap=whole)
    console.print(f"{metrics}\n{report}", markup=False, highlight=False, soft_wrap=True)


def summary_table(document: Mapping[str, Any]) -> Table:
    """Return one row per input and task."""
    title = f"{document['recipe']}, {document['mode']} mode, {document['cohort']['patients']} patients"
    rows = [_row(task, bool(document["optimistic"])) for task in document["verdict"]["tasks"]]
    return plain_table(title, PAPER_COLUMNS if document["optimistic"] else SOUND_COLUMNS, rows)


def _row(task: Mapping[str, Any], optimistic: bool) -> tuple[str, ...]:
    question = f"{task['input']}: {task_words(task['task'])}"
    if optimistic:
        return question, task["model"], interval(task["auc"], 2), task["belief"]
    difference = task["difference"]
    words = "–"
    if difference is not None:
        words = (
            f"{signed(difference['estimate'], 2)} ({signed(difference['low'], 2)} to {signed(difference['high'], 2)})"
        )
    return question, task["model"], interval(task["auc"], 2), task["baseline"] or "none", words, task["belief"]


def ordinal_table(document: Mapping[str, Any]) -> Table | None:
    """Return the ordinal results, one row per classifier and comparator, or None where there are none."""
    rows = [
        (
            part["input"],
            made["name"],
            interval(made["metrics"]["c_index"], 2),
            interval(made["metrics"]["kappa_quadratic"], 2),
        )
        for part in document["ordinal"]
        for made in part["results"]
        if " + " not in made["name"]
    ]
    return plain_table("Three categories", ("input", "model", "C-index", "kappa, quadratic"), rows) if rows else None


def summary_document(document: Mapping[str, Any], metrics: Path, report: Path) -> dict[str, Any]:
    """Return what ``--json`` prints: the verdict, and where the files are."""
    return {
        "recipe": document["recipe"],
        "mode": document["mode"],
        "patients": document["cohort"]["patients"],
        "phantoms": document["cohort"]["phantoms"],
        "verdict": document["verdict"],
        "metrics": str(metrics),
        "report": str(report),
    }
