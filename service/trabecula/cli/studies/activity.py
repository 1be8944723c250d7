"""What the queue does with a study, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def activity_in_words(row: Mapping[str, Any]) -> str:
    """Return what the queue does with a study: running since when, or its place in line; nothing for other states."""
    if row["activity"] == "running":
        return f"running since {datetime.fromisoformat(row['since']).astimezone():%Y-%m-%d %H:%M:%S}"
    if row["activity"] == "waiting" and row["place"]:
        return f"waiting, place {row['place']} in line"
    if row["activity"] == "waiting":
        return "waiting, far back in line" if row["since"] else "waiting, tried again after a pause"
    return ""
