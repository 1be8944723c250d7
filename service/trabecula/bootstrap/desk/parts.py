"""What the desk is built of, with this installation's adapters; libraries that are rarely used are imported late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from trabecula.bootstrap.copies import operator_services_of
from trabecula.bootstrap.desk.operation import SettingsOperation
from trabecula.bootstrap.storage import artifacts_of
from trabecula.domain.access.actor import grants_of
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.ports.artifacts import AnalysisArtifacts
from trabecula.ledger.access.sessions import SessionLimits
from trabecula.reporting.report_line import ReportLine
from trabecula.settings import Settings
from trabecula.settings.loading import first_line_of
from trabecula.web.access.provider.discovery import Discovery
from trabecula.web.access.provider.terms import ProviderTerms
from trabecula.web.desk.parts import DeskParts, ProviderDoor


def desk_parts(settings: Settings, engine: Callable[[], Engine]) -> DeskParts:
    """Return what the desk is built of."""
    return DeskParts(
        engine=engine,
        limits=SessionLimits(
            idle=timedelta(minutes=settings.web_session_idle_minutes),
            longest=timedelta(hours=settings.web_session_hours),
        ),
        time_zone=_zone(settings),
        installation=settings.institution_name or settings.ae_title,
        data_dir=settings.data_dir,
        services=lru_cache(maxsize=1)(partial(operator_services_of, settings)),
        artifacts=artifacts_of(settings),
        label_maps=lambda: _label_maps(settings),
        picture=_picture_png,
        report=_report_lines,
        operation=SettingsOperation(settings),
        provider=_provider(settings),
        local_accounts=settings.web_local_accounts,
    )


def _label_maps(settings: Settings) -> AnalysisArtifacts:
    from trabecula.bootstrap.analysing import analysis_store_of  # numpy

    return analysis_store_of(settings)


def _picture_png(content: bytes) -> bytes:
    import pydicom  # half a second, and numpy
    from PIL import Image

    written = BytesIO()
    Image.fromarray(pydicom.dcmread(BytesIO(content)).pixel_array).save(written, "PNG")
    return written.getvalue()


def _report_lines(content: bytes) -> Sequence[ReportLine]:
    from trabecula.reporting.sr.reading_back import report_lines  # pydicom

    return report_lines(content)


def passwords_folder(settings: Settings) -> Path:
    """Return where first passwords are written."""
    return settings.data_dir.expanduser() / "passwords"


def _provider(settings: Settings) -> ProviderDoor | None:
    """Return the way in through the OpenID provider. Raises ConfigurationInvalid where a file of it cannot be used."""
    if not settings.oidc_issuer:
        return None
    file = settings.oidc_client_secret_file
    terms = ProviderTerms(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=lambda: first_line_of("oidc_client_secret_file", file) if file is not None else "",
        scopes=settings.oidc_scopes,
        name_claim=settings.oidc_name_claim,
        roles_claim=settings.oidc_roles_claim,
        roles={value: grants_of(words) for value, words in settings.oidc_roles.items()},
        public_url=settings.web_public_url,
        ca_file=settings.oidc_ca_file,
    )
    discovery = Discovery(terms)
    terms.secret()
    try:
        _ = discovery.trusted
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationInvalid(f"oidc_ca_file ({settings.oidc_ca_file}): {error.strerror}") from error
    return ProviderDoor(discovery, settings.oidc_button)


def _zone(settings: Settings) -> tzinfo:
    if settings.time_zone:
        return ZoneInfo(settings.time_zone)
    return datetime.now().astimezone().tzinfo or ZoneInfo("UTC")
