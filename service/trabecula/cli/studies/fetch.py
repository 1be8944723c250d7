"""``trabecula studies fetch``: removed images come back from the archive."""

from __future__ import annotations

from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console
from trabecula.cli.study_options import Operator, StudyUidArgument, operator
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline.retention.fetching import fetch_study


def fetch(study_uid: StudyUidArgument, operator_name: Operator = "") -> None:
    """Have the archive send the removed images of a finished study again, e.g. before `reprocess`.

    The study is RECEIVING until they are here; its result stands meanwhile, and afterwards where nothing else came.
    """
    with opened_ledger() as (settings, engine):
        study_uid = queries.find_study(engine, study_uid)
        count = fetch_study(services_of(settings, engine), study_uid, operator(operator_name))
    told = f"{count} images are asked for" if count else "every image is here"
    console.print(f"{study_uid}: {told}", highlight=False)
