"""``trabecula retention show``: rules, what would go, what stays and why, and when the disk will be full."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from trabecula.bootstrap.keeping.filling import disk_room_of
from trabecula.bootstrap.keeping.retention import policy_of, retention_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.domain.study.disk_room import DiskRoom
from trabecula.domain.study.retention import FileKind, HeldBy, RetentionPolicy
from trabecula.ledger.database import database_errors, driver_connection
from trabecula.ledger.queries import retention as queries
from trabecula.pipeline.retention.removing import due_files

_MOST = 1_000_000


def show(as_json: AsJson = False) -> None:
    """Show the rules, what would go now, what holds the rest back, and when the disk will be full."""
    with opened_ledger() as (settings, engine):
        policy = policy_of(settings)
        due = due_files(retention_of(settings, engine), _MOST)
        back = queries.held_back(engine, policy)
        held = queries.holds(engine)
        removed = queries.removed_so_far(engine)
        with database_errors(), engine.connect() as connection:
            room = disk_room_of(settings, driver_connection(connection))
    document: dict[str, Any] = {"kinds": {}, "holds": held, "removed": removed, "disk": _disk(room)}
    for kind in FileKind:
        now = [item for item in due if item.kind is kind]
        document["kinds"][str(kind)] = {
            "keep_days": policy.days(kind),
            "due": len(now),
            "due_bytes": sum(item.size_bytes for item in now),
            "held_back": {str(reason): count for reason, count in back.get(kind, {}).items()},
        }
    if as_json:
        print_json(document)
        return
    _print(document, policy, room)


def _disk(room: DiskRoom | None) -> dict[str, Any] | None:
    if room is None:
        return None
    day = room.full_on(datetime.now(UTC).date())
    return {
        "free_bytes": room.free_bytes,
        "watermark_bytes": room.watermark_bytes,
        "growth_bytes_per_day": round(room.growth_per_day),
        "full_on": day.isoformat() if day else None,
    }


def _print(document: dict[str, Any], policy: RetentionPolicy, room: DiskRoom | None) -> None:
    rows = []
    for kind in FileKind:
        told = document["kinds"][str(kind)]
        kept = "for ever" if policy.days(kind) is None else f"{policy.days(kind):g} days"
        rows.append((kind.lower(), kept, told["due"], mib(told["due_bytes"]), sum(told["held_back"].values())))
    print_table("", ("files of", "kept", "due now", "MiB", "held back"), rows)
    back = [
        (kind.lower(), count, reason.words)
        for kind, reasons in _reasons(document).items()
        for reason, count in reasons.items()
    ]
    if back:
        print_table("Old enough, and held back", ("files of", "count", "why"), back)
    if document["holds"]:
        held = [
            (row["study_uid"], f"{row['held_at']:%Y-%m-%d}", row["held_by"], row["reason"]) for row in document["holds"]
        ]
        print_table("Held by operators", ("study_uid", "since", "by", "why"), held)
    for row in document["removed"]:
        console.print(
            f"removed so far: {row['kind'].lower()}, {row['removals']} times, {mib(row['size_bytes'])} MiB",
            highlight=False,
        )
    if room is not None:
        free = f"{room.free_bytes / 2**30:.1f} GiB free"
        console.print(f"disk: {free}, {room.words(datetime.now(UTC).date())}", highlight=False)


def _reasons(document: dict[str, Any]) -> dict[FileKind, dict[Any, int]]:
    return {
        kind: {HeldBy(name): count for name, count in document["kinds"][str(kind)]["held_back"].items()}
        for kind in FileKind
    }


def mib(size_bytes: int) -> str:
    """Return a size in MiB for people."""
    return f"{size_bytes / 2**20:.1f}"
