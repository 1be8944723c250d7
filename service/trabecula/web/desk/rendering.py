"""Pages from templates: escaped by themselves, an unknown name is an error, and the words that every page needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import QueryParams
from starlette.responses import HTMLResponse

from trabecula.domain.access.roles import Permission
from trabecula.version import __version__
from trabecula.web.access.asked import Asked
from trabecula.web.desk.assets import address_of
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.words import ago, count, day, duration, figure

_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class BarPlace:
    """A place in the bar at the top; shown to those who hold the permission."""

    title: str
    path: str
    permission: Permission


PLACES = (
    BarPlace("Overview", "/", Permission.VIEW_STUDIES),
    BarPlace("Studies", "/studies", Permission.VIEW_STUDIES),
    BarPlace("References", "/references", Permission.IMPORT_REFERENCES),
    BarPlace("Models", "/models", Permission.VIEW_MODELS),
    BarPlace("Administration", "/administration", Permission.VIEW_OPERATION),
)


def page(
    parts: DeskParts, asked: Asked, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
) -> HTMLResponse:
    """Return a page of somebody who is signed in."""
    path = asked.request.url.path
    shared = {
        "parts": parts,
        "visitor": asked.visitor,
        "may": lambda name: asked.actor.may(Permission[name]),
        "places": [place for place in PLACES if asked.actor.may(place.permission)],
        "here": path,
        "form_secret": asked.form_secret,
        "query": asked.request.query_params,
    }
    return HTMLResponse(
        _environment().get_template(template).render(_time(parts) | shared | dict(values or {})), status
    )


def bare_page(
    parts: DeskParts, template: str, values: Mapping[str, Any] | None = None, *, status: int = 200
) -> HTMLResponse:
    """Return a page of somebody who is not signed in."""
    shared = {"parts": parts, "visitor": None, "here": "", "form_secret": ""}
    return HTMLResponse(
        _environment().get_template(template).render(_time(parts) | shared | dict(values or {})), status
    )


def with_query(query: QueryParams, **changes: object) -> str:
    """Return the query of an address with some keys changed; None and nothing take a key out."""
    kept = [(key, value) for key, value in query.multi_items() if key not in changes and value]
    kept += [(key, str(value)) for key, value in changes.items() if value not in (None, "")]
    return f"?{urlencode(kept)}" if kept else "?"


def _time(parts: DeskParts) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "now": now,
        "moment": lambda at: _moment(at, parts.time_zone, now),
        "clock": lambda at: f"{_local(at, parts.time_zone):%H:%M:%S}",
        "exact": lambda at: f"{_local(at, parts.time_zone):%Y-%m-%d %H:%M:%S %Z}",
        "ago": lambda at: ago(now - _aware(at)) if at else "never",
    }


def _moment(at: datetime | str | None, zone: tzinfo, now: datetime) -> str:
    """The time of day of today, the day before that."""
    if not at:
        return "–"
    local = _local(at, zone)
    today = now.astimezone(zone).date()
    if local.date() == today:
        return f"today {local:%H:%M}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {local:%H:%M}"
    return f"{local:%Y-%m-%d %H:%M}"


def _aware(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at


def _local(at: datetime | str, zone: tzinfo) -> datetime:
    return _aware(at).astimezone(zone)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    environment.globals.update(
        asset=address_of,
        version=__version__,
        with_query=with_query,
        figure=figure,
        count=count,
        duration=duration,
        day=day,
    )
    environment.filters["joined"] = _joined
    environment.filters["formatted"] = lambda form, value: format(value, form).replace("-", "\u2212")
    return environment


def _joined(words: Sequence[object], last: str = "and") -> str:
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {last} {texts[-1]}" if texts else ""
