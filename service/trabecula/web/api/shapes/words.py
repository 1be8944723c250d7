"""Values that requests carry, bounded where they come in: no zero bytes, no endless text, no number beyond a column."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, StringConstraints

_EARLIEST, _LATEST = date(1970, 1, 1), date(2199, 12, 31)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_ZERO = r"^[^\x00]*$"
_LARGEST = 2**31 - 1


def _written(value: object) -> object:
    """Let through a day as it is written, not a number of seconds."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("write the day as 2026-01-31")
    return value


def _possible(day: date) -> date:
    if not _EARLIEST <= day <= _LATEST:
        raise ValueError(f"give a day from {_EARLIEST} to {_LATEST}")
    return day


Word = Annotated[str, StringConstraints(max_length=64, pattern=_NO_ZERO)]
"""A name or identifier, as searches carry it."""
Sentence = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_ZERO)]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=_NO_ZERO)]
Day = Annotated[date, BeforeValidator(_written), AfterValidator(_possible)]
StudyUidInPath = Annotated[
    str,
    Path(
        pattern="^[0-9A-Za-z._-]+$",
        min_length=1,
        max_length=64,
        description="Study Instance UID.",
        examples=["1.2.826.0.1.3680043.8.498.1"],
    ),
]
Number = Annotated[int, Path(ge=1, le=_LARGEST)]
AccountInPath = Annotated[
    str, Path(pattern="^[A-Za-z0-9][A-Za-z0-9._@-]*$", max_length=64, description="Name of the account.")
]
ModelInPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]+$", max_length=80, description="Id of the bundle.")]
DestinationInPath = Annotated[str, Path(pattern=r"^[^\x00/]+$", max_length=64, description="Name of the destination.")]
TagInPath = Annotated[str, Path(pattern=r"^[^\x00/]+$", max_length=80, description="The tag.", examples=["follow-up"])]
RoleWord = Annotated[
    str,
    StringConstraints(pattern="^(viewer|coordinator|admin)(@[ -~]{1,16})?$", max_length=40),
]
"""A role, everywhere or at a site: ``coordinator@CT_WEST``."""
