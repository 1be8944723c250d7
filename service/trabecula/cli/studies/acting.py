"""``trabecula studies retry``, ``cancel``, ``resend``, ``settle`` and ``prioritise``: what operators do to studies."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.studies.many import OneStudy, act_on, selected, tell_outcomes
from trabecula.cli.study_options import AsJson, FilterOptions, Limit, StudyUidArgument, operator, takes_filters
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline import cancel_study, prioritise_study, resend_study, retry_study, settle_now


@takes_filters()
def retry(
    filters: FilterOptions,
    study_uid: OneStudy = "",
    limit: Limit = sys.maxsize,
    as_json: AsJson = False,
) -> None:
    """Run the step that failed again, or go on where a cancelled study stopped; of one study or of all selected."""
    with opened_ledger() as (_, engine):
        chosen = selected(engine, study_uid, filters, limit)
        open_ledger = ledger_of(engine)
        done = act_on(chosen, lambda uid: f"{retry_study(open_ledger, uid, operator())}", one=bool(study_uid))
        if study_uid:
            _tell_standing(engine, chosen[0], as_json)
            return
    tell_outcomes(done, as_json=as_json)


@takes_filters()
def cancel(
    filters: FilterOptions,
    study_uid: OneStudy = "",
    limit: Limit = sys.maxsize,
    as_json: AsJson = False,
) -> None:
    """Stop a study where it is, or all selected."""
    with opened_ledger() as (_, engine):
        chosen = selected(engine, study_uid, filters, limit)
        open_ledger = ledger_of(engine)

        def act(uid: StudyUid) -> str:
            cancel_study(open_ledger, uid, operator())
            return "CANCELLED"

        done = act_on(chosen, act, one=bool(study_uid))
        if study_uid:
            _tell_standing(engine, chosen[0], as_json)
            return
    tell_outcomes(done, as_json=as_json)


@takes_filters("received_to")  # whose name --to is taken
def resend(
    filters: FilterOptions,
    destination: Annotated[str, typer.Option("--to", help="Name of the destination in the settings.")],
    study_uid: OneStudy = "",
    instead_of: Annotated[str, typer.Option(help="Former name of a destination: what it never got is given up.")] = "",
    limit: Limit = sys.maxsize,
    as_json: AsJson = False,
) -> None:
    """Send the newest report of a study, or of all selected, to a destination: again, or for the first time."""
    with opened_ledger() as (settings, engine):
        services = services_of(settings, engine)
        services.destination(destination)
        chosen = selected(engine, study_uid, filters, limit)

        def act(uid: StudyUid) -> str:
            return f"{resend_study(services, uid, destination, operator(), instead_of)} objects to {destination}"

        done = act_on(chosen, act, one=bool(study_uid))
    tell_outcomes(done, as_json=as_json)


def settle(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Take a study as complete without waiting for the quiet time."""
    with opened_ledger() as (settings, engine):
        study_uid = queries.find_study(engine, study_uid)
        settle_now(services_of(settings, engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


def prioritise(
    study_uid: StudyUidArgument,
    priority: Annotated[StudyPriority, typer.Argument(case_sensitive=False, help="How soon.")],
    as_json: AsJson = False,
) -> None:
    """Say how soon a study is worked on: URGENT before all others, ROUTINE, or BULK when nothing else waits."""
    with opened_ledger() as (_, engine):
        study_uid = queries.find_study(engine, study_uid)
        prioritise_study(ledger_of(engine), study_uid, priority, operator())
        _tell_standing(engine, study_uid, as_json)


def _tell_standing(engine: Engine, study_uid: StudyUid, as_json: bool) -> None:
    document = queries.show_study(engine, study_uid)
    standing = {key: document[key] for key in ("study_uid", "state", "revision")}
    standing |= {"revision": (document["newest"] or document)["revision"]}
    if as_json:
        print_json(standing)
    else:
        console.print(f"{study_uid} is {standing['state']}, revision {standing['revision']}", highlight=False)
