"""What the commands on the quarantine share: their options, and the filter these become."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.quarantine import QuarantineFilter

Code = Annotated[str, typer.Option("--code", help="Only entries with this reason code, e.g. INSTANCE_CONFLICT.")]
OfStudy = Annotated[str, typer.Option("--study", help="Only entries that name this study or are copies of its images.")]
Since = Annotated[
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="Only what came on or after this day.")
]
Numbers = Annotated[list[str] | None, typer.Argument(help="Numbers and ranges, e.g. 12 or 12-37.", show_default=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Confirm what the filters select.")]


def quarantine_filter(code: str, study: str, since: datetime | None, *, ended: bool = False) -> QuarantineFilter:
    """The filter that the options stand for."""
    return QuarantineFilter(code=code, study_uid=StudyUid(study), since=since.date() if since else None, ended=ended)
