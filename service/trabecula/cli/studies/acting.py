"""``trabecula studies retry``, ``cancel``, ``settle`` and ``prioritise``: what operators do to a study as it is."""

from __future__ import annotations

from typing import Annotated

import typer
from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.study_options import AsJson, StudyUidArgument, operator
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline import cancel_study, prioritise_study, retry_study, settle_now


def retry(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Run the step that failed again, or go on where a cancelled study stopped."""
    with opened_ledger() as (_, engine):
        retry_study(ledger_of(engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


def cancel(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Stop a study where it is."""
    with opened_ledger() as (_, engine):
        cancel_study(ledger_of(engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


def settle(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Take a study as complete without waiting for the quiet time."""
    with opened_ledger() as (settings, engine):
        settle_now(services_of(settings, engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


def prioritise(
    study_uid: StudyUidArgument,
    priority: Annotated[StudyPriority, typer.Argument(case_sensitive=False, help="How soon.")],
    as_json: AsJson = False,
) -> None:
    """Say how soon a study is worked on: URGENT before all others, ROUTINE, or BULK when nothing else waits."""
    with opened_ledger() as (_, engine):
        prioritise_study(ledger_of(engine), study_uid, priority, operator())
        _tell_standing(engine, study_uid, as_json)


def _tell_standing(engine: Engine, study_uid: StudyUid, as_json: bool) -> None:
    document = queries.show_study(engine, study_uid)
    standing = {key: document[key] for key in ("study_uid", "state", "revision")}
    if as_json:
        print_json(standing)
    else:
        console.print(f"{study_uid} is {standing['state']}, revision {standing['revision']}", highlight=False)
