"""``trabecula studies name-levels``: a reader says which vertebra is which; the study is measured anew with it."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.bootstrap.analysing import analysis_store_of
from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.study_options import AsJson, Operator, StudyUidArgument, operator
from trabecula.domain.spine import Level
from trabecula.ledger.queries.studies import find_study
from trabecula.logs import command_log
from trabecula.pipeline.operators.naming_levels import NamedLevels, name_levels, withdraw_names


def name_levels_command(
    study_uid: StudyUidArgument,
    name: Annotated[
        str, typer.Argument(metavar="CALLED=IS", help="What the picture calls L1 is T12: L1=T12; unnamed: '#2=L4'.")
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit trail; required.")] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take a reader's names back.")] = False,
    operator_name: Operator = "",
    as_json: AsJson = False,
) -> None:
    """Name one vertebra as a reader sees it; all others are counted from it.

    No drawing is needed: the outlines stay, their names move. The study is measured anew, its report says that a
    reader named the levels and names the report before; the names hold for images that come later too.
    """
    called, level = ("", None) if withdraw else _parsed(name)
    if withdraw and name:
        raise typer.BadParameter("--withdraw takes no name.")
    with opened_ledger() as (settings, engine):
        services, who = services_of(settings, engine), operator(operator_name)
        study_uid = find_study(engine, study_uid)
        if level is None:
            done = withdraw_names(services, study_uid, who=who, reason=reason)
        else:
            store = analysis_store_of(settings)
            done = name_levels(services, store, study_uid, called, level, who=who, reason=reason)
        command_log().info("levels.named", study_uid=study_uid, who=who, revision=done.revision, withdrawn=withdraw)
    _tell(done, as_json=as_json)


def _parsed(name: str) -> tuple[str, Level]:
    called, separator, level = name.partition("=")
    wanted = level.strip().upper()
    if not separator or not called.strip() or wanted not in Level.__members__:
        raise typer.BadParameter("Write what the picture calls the vertebra, and what it is: L1=T12, or '#2=L4'.")
    return called.strip(), Level[wanted]


def _tell(done: NamedLevels, *, as_json: bool) -> None:
    if as_json:
        correction = done.correction.to_json() if done.correction else None
        print_json({"study_uid": done.study_uid, "revision": done.revision, "correction": correction})
        return
    words = done.correction.words if done.correction else "the names of the software stand again"
    line = f"{done.study_uid}: {words}; revision {done.revision} is measured with it"
    console.print(line, markup=False, highlight=False)
