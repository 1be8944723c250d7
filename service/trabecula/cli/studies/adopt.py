"""``trabecula studies adopt``: the newer headers of a study that came again are taken over, as an operator decides."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from trabecula.bootstrap.copies import operator_services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.studies.conflicts import conflict_documents
from trabecula.cli.study_options import AsJson, Operator, StudyUidArgument, operator
from trabecula.ledger.queries.studies import find_study
from trabecula.logs import command_log
from trabecula.pipeline import Correction, adopt_correction, plan_correction


def adopt(
    study_uid: StudyUidArgument,
    reason: Annotated[str, typer.Option(help="Why, for the audit trail; required.")] = "",
    operator_name: Operator = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over the newer headers of images that came again, e.g. with a corrected patient.

    The pixels must be equal and every image of the study must name one patient afterwards. The study is measured anew
    and its report names the one before. Old files and old identity stay in the ledger.
    """
    with opened_ledger() as (settings, engine):
        services = operator_services_of(settings, engine)
        study_uid = find_study(engine, study_uid)
        if dry_run:
            done = plan_correction(services, study_uid)
        else:
            done = adopt_correction(services, study_uid, operator(operator_name), reason)
            command_log().info(
                "study.corrected",
                study_uid=study_uid,
                who=operator(operator_name),
                images=len(done.taken),
                attributes=list(done.attributes),
                revision=done.revision,
            )
    if as_json:
        print_json(_document(done, written=not dry_run))
    else:
        _tell(done, dry_run)


def _document(done: Correction, *, written: bool) -> dict[str, Any]:
    return {
        "study_uid": done.study_uid,
        "written": written,
        "state": str(done.state),
        "revision": done.revision,
        "images": done.images,
        "taken": len(done.taken),
        "passed_over": len(done.passed_over),
        "attributes": list(done.attributes),
        "conflicts": conflict_documents(done.taken),
    }


def _tell(done: Correction, dry_run: bool) -> None:
    verb = "would be taken" if dry_run else "are taken"
    lines = [
        f"the newer headers of {len(done.taken)} of {done.images} images {verb} over; they differ in "
        f"{', '.join(done.attributes)}"
    ]
    if done.passed_over:
        lines.append(f"{len(done.passed_over)} older copies of them stay in quarantine as superseded")
    if not dry_run:
        revision = f"revision {done.revision}" if done.revision else "it still receives and will settle with them"
        lines.append(f"{done.study_uid} is {done.state}, {revision}")
    for line in lines:
        console.print(line, markup=False, highlight=False)
