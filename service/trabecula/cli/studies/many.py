"""One study or many: the studies that a command's argument or filters select, and what became of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from trabecula.cli.output import EXIT_FAILURE, EXIT_USAGE, console, error_console, print_json
from trabecula.cli.study_options import FilterOptions
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries import studies as queries
from trabecula.ledger.queries.study_list import found_studies

OneStudy = Annotated[str, typer.Argument(help="Study Instance UID; without it, what the filters select.")]


@dataclass(frozen=True)
class Outcome:
    """What became of one study: words where it was done, else the error."""

    study_uid: StudyUid
    done: str = ""
    error: TrabeculaError | None = None


def selected(engine: Engine, study_uid: str, filters: FilterOptions, limit: int) -> tuple[StudyUid, ...]:
    """Return the named study, or those that the filters select, the newest first.

    Ends the command with a usage error where neither or both are given. Raises StudyUnknown.
    """
    if bool(study_uid) == filters.given:
        message = "Name one study, or select studies with filters (--state failed, --reason CODE, --from 2000-01-01)."
        error_console.print(message, style="bold red", markup=False, highlight=False)
        raise typer.Exit(EXIT_USAGE)
    if study_uid:
        named = queries.find_study(engine, study_uid)
        queries.show_study(engine, named)
        return (named,)
    with engine.connect() as link:
        return tuple(found_studies(driver_connection(link), filters.search(), limit))


def act_on(chosen: Sequence[StudyUid], act: Callable[[StudyUid], str], *, one: bool) -> list[Outcome]:
    """Act on each study; a refusal of the one that was named is raised, of several it is an outcome."""
    done = []
    for study_uid in chosen:
        try:
            done.append(Outcome(study_uid, act(study_uid)))
        except TrabeculaError as error:
            if one:
                raise
            done.append(Outcome(study_uid, error=error))
    return done


def tell_outcomes(done: Iterable[Outcome], *, as_json: bool) -> None:
    """Print what became of each study, and end with a failure where any was refused."""
    outcomes = list(done)
    refused = [item for item in outcomes if item.error is not None]
    if as_json:
        print_json({"studies": [_document(item) for item in outcomes], "refused": len(refused)})
    else:
        for item in outcomes:
            words = item.done if item.error is None else f"{item.error.code}: {item.error.sentence}"
            console.print(f"{item.study_uid}: {words}", markup=False, highlight=False, soft_wrap=True)
        counts = Counter(item.error.code for item in refused if item.error is not None)
        told = "; ".join(f"{count} {code}" for code, count in sorted(counts.items()))
        line = f"{len(outcomes) - len(refused)} of {len(outcomes)} studies"
        console.print(f"{line}; refused: {told}" if told else line, markup=False, highlight=False)
    if refused:
        raise typer.Exit(EXIT_FAILURE)


def _document(item: Outcome) -> dict[str, Any]:
    if item.error is None:
        return {"study_uid": item.study_uid, "done": item.done}
    return {"study_uid": item.study_uid, "code": item.error.code, "sentence": item.error.sentence}
