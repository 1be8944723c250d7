"""Which studies a request is about: the filters of the page of studies, in the address or in a body."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from trabecula.domain.access.roles import Permission
from trabecula.domain.desk.search import Cursor, StudySearch, midnight, next_midnight
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.ledger.desk.search import within
from trabecula.web.access.asked import Asked
from trabecula.web.api.shapes.words import Day, Word


class StudyFilter(BaseModel):
    """Which studies; everything given must hold."""

    text: Word = Field("", description="Begins a Patient ID, an Accession Number or a Study Instance UID.")
    patient_id: Word = Field("", description="A whole Patient ID.")
    accession_number: Word = Field("", description="A whole Accession Number.")
    received_from: Day | None = Field(None, description="First day of the first image.")
    received_to: Day | None = Field(None, description="Last day of the first image.")
    state: StudyState | None = None
    category: Category | None = None
    scanner: Word = Field("", description="Anywhere in manufacturer, model or station.")
    model: Word = Field("", description="Id of a model bundle that spoke.")
    reason: Word = Field("", description="Code of a reason, or of the error a study failed with.")
    site: Word = Field("", description="Calling AE title that sent the study.")
    tag: Word = ""
    undelivered: Word = Field("", description="A destination that refused or never got the report.")

    def search(self, asked: Asked, permission: Permission) -> StudySearch:
        """Return the search, at the sites where the visitor may see studies and holds ``permission``."""
        wanted = StudySearch(
            text=self.text,
            patient_id=self.patient_id,
            accession_number=self.accession_number,
            received_from=midnight(self.received_from) if self.received_from else None,
            received_to=next_midnight(self.received_to) if self.received_to else None,
            state=self.state,
            category=self.category,
            scanner=self.scanner,
            model=self.model,
            reason=self.reason,
            site=self.site,
            tag=self.tag,
            undelivered=self.undelivered,
        )
        return within(within(wanted, asked.sites()), asked.sites(permission))


class StudyQuery(StudyFilter):
    """Which studies, and which page of them."""

    after: str = Field("", max_length=128, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=100)


InAddress = Annotated[StudyFilter, Query()]
PageInAddress = Annotated[StudyQuery, Query()]


def cursor_of(text: str) -> Cursor | None:
    """Return the place that an answer named, None for none. Raises ChoiceInvalid."""
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise ChoiceInvalid("`after` is no place that an answer named") from error
