"""``trabecula quarantine show``, ``release`` and ``delete``: single entries, and what operators do to them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from trabecula.bootstrap.copies import operator_services_of
from trabecula.bootstrap.storage import spool_of
from trabecula.cli import numbers as numbers_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import EXIT_FAILURE, console, print_json, print_table
from trabecula.cli.quarantine.options import Code, Numbers, OfStudy, Since, Yes, quarantine_filter
from trabecula.cli.quarantine.view import entry_document, show_entry_for_people
from trabecula.cli.study_options import AsJson, Operator, operator
from trabecula.domain.errors import ConfigurationInvalid, TrabeculaError
from trabecula.domain.errors_of.copies import ConfirmationMissing, ReasonMissing
from trabecula.ledger.queries.quarantine import QuarantineFilter, list_quarantine
from trabecula.logs import command_log
from trabecula.pipeline import delete_entry, release_entry, show_entry


def show(number: Annotated[int, typer.Argument(help="Number of the entry.")], as_json: AsJson = False) -> None:
    """Show one entry: why it is here, what to do, what its header says, and where its file lies."""
    with opened_ledger() as (settings, engine):
        full = show_entry(operator_services_of(settings, engine), number)
        path = str(spool_of(settings).path(full.entry.spool_key))
        (row,) = list_quarantine(engine, QuarantineFilter(ended=True, number=number))
    document = entry_document(full, row, path)
    if as_json:
        print_json(document)
    else:
        show_entry_for_people(document)


def release(
    numbers: Numbers = None,
    code: Code = "",
    study: OfStudy = "",
    since: Since = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail.")] = "",
    operator_name: Operator = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Take instances into their studies, e.g. what an earlier version could not read.

    Another copy of an image in use is not released: see `trabecula studies adopt`.
    """
    with opened_ledger() as (settings, engine):
        chosen = _chosen(engine, numbers or (), quarantine_filter(code, study, since), yes)
        services = operator_services_of(settings, engine)
        who = operator(operator_name)
        done = _each(chosen, "RELEASED", lambda number: release_entry(services, number, who, reason))
        _log("quarantine.released", done, who)
    _tell(done, as_json)


def delete(
    numbers: Numbers = None,
    code: Code = "",
    study: OfStudy = "",
    since: Since = None,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail; required.")] = "",
    operator_name: Operator = "",
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete files from the quarantine for good; a line with operator and reason stays in the ledger."""
    with opened_ledger() as (settings, engine):
        if not reason.strip():
            raise ReasonMissing
        chosen = _chosen(engine, numbers or (), quarantine_filter(code, study, since), yes)
        services = operator_services_of(settings, engine)
        who = operator(operator_name)
        done = _each(chosen, "DELETED", lambda number: delete_entry(services, number, who, reason))
        _log("quarantine.deleted", done, who)
    _tell(done, as_json)


def _chosen(engine: Engine, words: Sequence[str], wanted: QuarantineFilter, yes: bool) -> list[int]:
    """Return the numbers that were named, or those the filters select once that is confirmed."""
    filtered = bool(wanted.code or wanted.study_uid or wanted.since)
    if bool(words) == filtered:
        raise ConfigurationInvalid("name entries by number, or select them with --code, --study and --since")
    if words:
        return numbers_of.read(words)
    chosen = sorted(row["number"] for row in list_quarantine(engine, wanted, sys.maxsize))
    if chosen and not yes:
        question = f"{len(chosen)} entries match: {numbers_of.written(chosen)}"
        if not (sys.stdin.isatty() and typer.confirm(f"{question}. Go on?")):
            raise ConfirmationMissing(question)
    return chosen


def _each(chosen: Sequence[int], outcome: str, act: Callable[[int], str]) -> list[dict[str, Any]]:
    """Do it to each entry; a refusal of the only one is raised, of several it is told."""
    done: list[dict[str, Any]] = []
    for number in chosen:
        try:
            study_uid = act(number)
            done.append({"number": number, "outcome": outcome} | ({"study_uid": study_uid} if study_uid else {}))
        except TrabeculaError as error:
            if len(chosen) == 1:
                raise
            done.append({"number": number, "outcome": "REFUSED", "code": error.code, "sentence": error.sentence})
    return done


def _log(event: str, done: Sequence[dict[str, Any]], who: str) -> None:
    acted = [row["number"] for row in done if row["outcome"] != "REFUSED"]
    if acted:
        studies = sorted({row["study_uid"] for row in done if "study_uid" in row})
        command_log().info(event, who=who, numbers=numbers_of.written(acted), entries=len(acted), study_uids=studies)


def _tell(done: Sequence[dict[str, Any]], as_json: bool) -> None:
    refused = [row for row in done if row["outcome"] == "REFUSED"]
    if as_json:
        print_json({"entries": list(done), "refused": len(refused)})
    else:
        if refused:
            print_table("Refused", ("number", "why"), [(row["number"], row["sentence"]) for row in refused])
        outcomes = {row["outcome"] for row in done}
        counts = [f"{sum(row['outcome'] == name for row in done)} {name.lower()}" for name in sorted(outcomes)]
        console.print(", ".join(counts) or "nothing matches", highlight=False)
    if refused:
        raise typer.Exit(EXIT_FAILURE)
