"""``trabecula children``: the warm process that forks a child for each heavy stage; started by workers."""

from __future__ import annotations

import socket
from typing import Annotated

import typer

from trabecula.bootstrap.warming import warm
from trabecula.cli.serving.child import Verb, exit_code_of
from trabecula.jobs.forking import ForkServer
from trabecula.logs import configure_logging


def children(control: Annotated[int, typer.Argument(help="Number of the inherited control socket.")]) -> None:
    """Fork a child for each request that comes on the control socket, until it is closed."""
    configure_logging(part="children")
    warm()
    with socket.socket(fileno=control) as connection:
        ForkServer(connection, lambda verb, path: exit_code_of(Verb(verb), path)).serve()
