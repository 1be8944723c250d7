"""``trabecula retention hold`` and ``unhold``: a study of which nothing may go, for a court, a trial or a question."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.bootstrap.ledger import ledger_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console
from trabecula.cli.study_options import Operator, StudyUidArgument, operator
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.study.standing import Event
from trabecula.ledger.queries import studies as queries

HoldReason = Annotated[str, typer.Option("--reason", help="Why, for the audit trail; required.")]


def hold(study_uid: StudyUidArgument, reason: HoldReason = "", operator_name: Operator = "") -> None:
    """Keep everything of a study, images and results, until `unhold`; it cannot be deleted either."""
    with opened_ledger() as (_, engine):
        if not reason.strip():
            raise ReasonMissing
        study_uid = queries.find_study(engine, study_uid)
        who = operator(operator_name)
        with ledger_of(engine)() as ledger:
            ledger.retention.hold(study_uid, who, reason.strip())
            ledger.studies.note(study_uid, Event(what="HELD", detail=reason.strip(), who=who))
            ledger.commit()
    console.print(f"{study_uid} is held", highlight=False)


def unhold(study_uid: StudyUidArgument, reason: HoldReason = "", operator_name: Operator = "") -> None:
    """Lift the hold of a study."""
    with opened_ledger() as (_, engine):
        if not reason.strip():
            raise ReasonMissing
        study_uid = queries.find_study(engine, study_uid)
        with ledger_of(engine)() as ledger:
            lifted = ledger.retention.unhold(study_uid)
            if lifted:
                event = Event(what="UNHELD", detail=reason.strip(), who=operator(operator_name))
                ledger.studies.note(study_uid, event)
            ledger.commit()
    console.print(f"{study_uid} {'is not held any more' if lifted else 'was not held'}", highlight=False)
