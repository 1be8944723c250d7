"""The overview: what came, waits and runs, how destinations stand, the figures of 30 days."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter

from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.overview import overview
from trabecula.web.api.door import Viewer
from trabecula.web.api.shapes.overview import OverviewShown

router = APIRouter(tags=["overview"])


@router.get("/overview")
def show_overview(door: Viewer) -> OverviewShown:
    """Show the figures of now, of today and of 30 days."""
    with door.opened() as asked:
        now = datetime.now(door.parts.time_zone)
        return OverviewShown.model_validate(overview(driver_connection(asked.connection), asked.sites(), now))
