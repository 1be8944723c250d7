"""The port that sends objects to a destination (C-STORE SCU)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trabecula.domain.delivery import Destination, SendOutcome
from trabecula.domain.results.result import ResultObject


class Sender(Protocol):
    """Port: C-STORE SCU."""

    def send(self, destination: Destination, objects: Sequence[ResultObject]) -> tuple[SendOutcome, ...]:
        """Send over one association; one outcome per object, in order; falls back to ``alternatives`` by what the
        peer accepted. Raises DestinationUnreachable, AssociationRejected; SopClassRefused is an outcome with
        status 0x0122."""
        ...

    def echo(self, destination: Destination) -> None:
        """C-ECHO. Raises DestinationUnreachable, AssociationRejected."""
        ...
