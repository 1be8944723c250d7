"""``trabecula queue pause`` and ``resume``: holding a queue or a destination, and letting it go on."""

from __future__ import annotations

from typing import Annotated

import psycopg
import typer

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console
from trabecula.cli.study_options import operator
from trabecula.domain.errors import DestinationUnknown
from trabecula.domain.study.jobs import Stage
from trabecula.jobs.queue import PLACES
from trabecula.ledger.queries import backlog
from trabecula.settings import load_settings

Paused = Annotated[
    str, typer.Argument(help="cpu (analysis and report), io (settling and delivery), or the name of a destination.")
]


def pause(name: Paused) -> None:
    """Start nothing more of a queue, or to a destination, until it is resumed; what runs goes on.

    It holds what waits already. Images are received and settle all the same, unless io is paused.
    """
    with opened_connection() as connection:
        queue, destination = _place(connection, name)
        backlog.pause(connection, queue, destination, operator())
    console.print(f"{name} is paused; `trabecula queue resume {name}` lets it go on", highlight=False)


def resume(name: Paused) -> None:
    """Let a paused queue or destination go on."""
    with opened_connection() as connection:
        was_paused = backlog.resume(connection, *_place(connection, name), operator())
    console.print(f"{name} {'goes on' if was_paused else 'was not paused'}", highlight=False)


def _place(connection: psycopg.Connection[tuple[object, ...]], name: str) -> tuple[str, str]:
    """Return queue and destination of what a name means; a destination that only waiting jobs name counts too."""
    if name in {place.queue for place in PLACES.values()}:
        return name, ""
    known = any(peer.name == name for peer in load_settings().destinations)
    if not known and not backlog.is_lane(connection, name):
        raise DestinationUnknown(name)
    return PLACES[Stage.DELIVER].queue, name
