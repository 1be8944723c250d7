"""``trabecula studies show``: everything about one study."""

from __future__ import annotations

from trabecula.bootstrap.copies import operator_services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.results.result_table import show_result
from trabecula.cli.studies.activity import activity_in_words
from trabecula.cli.studies.conflicts import conflict_documents, show_conflicts
from trabecula.cli.study_options import AsJson, StudyUidArgument
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline import study_conflicts


def show(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Show one study: result, objects, what each destination answered, and its audit trail."""
    with opened_ledger() as (settings, engine):
        study_uid = queries.find_study(engine, study_uid)
        document = queries.show_study(engine, study_uid)
        events = queries.study_events(engine, study_uid)
        if document["conflicts"]:
            compared = study_conflicts(operator_services_of(settings, engine), study_uid)
            document = document | {"conflicts": conflict_documents(compared)}
    if as_json:
        print_json(document | {"events": events})
        return
    show_result(document)
    if document["activity"]:
        console.print(activity_in_words(document), highlight=False)
    show_conflicts(document["conflicts"], study_uid)
    if document["refused"]:
        console.print(f"images that were refused, or damaged here, and did not come since: {document['refused']}")
    for gone in document["removed"]:
        what = "images" if gone["kind"] == "IMAGES" else f"files of revision {gone['revision']}"
        console.print(f"{what} removed on {gone['begun_at']:%Y-%m-%d} ({gone['rule']})", highlight=False)
    if document["failure"]:
        failure = document["failure"]
        console.print(
            f"failed: {failure['stage']}, {failure['code']}: {failure['sentence']}", style="bold", markup=False
        )
        console.print(f"  {failure['next_step']}", markup=False, highlight=False)
    rows = [(item["at"], item["revision"], item["what"], item["detail"], item["who"]) for item in events]
    print_table("audit trail", ("when", "revision", "what", "detail", "who"), rows)
