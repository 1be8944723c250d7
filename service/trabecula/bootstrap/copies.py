"""Builder of what operators need beside the services: the files of copies of images."""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import Engine

from trabecula.bootstrap.services import services_of
from trabecula.bootstrap.storage import spool_of
from trabecula.intake.storage.copies import SpoolCopies
from trabecula.pipeline import OperatorServices
from trabecula.settings import Settings


def operator_services_of(settings: Settings, engine: Engine) -> OperatorServices:
    """Return the services with the store of copies."""
    services = services_of(settings, engine)
    known = {field.name: getattr(services, field.name) for field in fields(services)}
    return OperatorServices(**known, copies=SpoolCopies(spool_of(settings)))
