"""The database's clock as an SQL expression: one clock for all hosts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import functions


class clock_timestamp(functions.GenericFunction[datetime]):  # noqa: N801 (the name of the SQL function)
    """The database's clock: one clock for all hosts."""

    type = DateTime(timezone=True)
    inherit_cache = True


@compiles(clock_timestamp)
def _compile_clock(*_: object, **__: object) -> str:
    return "clock_timestamp()"
