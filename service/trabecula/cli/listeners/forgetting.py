"""``trabecula listeners forget``: a listener is gone for good."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console
from trabecula.ledger.queries.listeners import forget_listener


def forget(
    journal_uid: Annotated[str, typer.Argument(help="The journal of the listener, as the list names it.")],
) -> None:
    """Say that a listener is gone for good: no study waits for it any more, and no result mentions it.

    Should it come back after all, its journal is registered and it counts again.
    """
    with opened_ledger() as (_, engine):
        name = forget_listener(engine, journal_uid)
    console.print(f"{name} is not waited for any more", highlight=False)
