"""How quarantined instances are shown: many on few lines of 80 columns, one in full."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trabecula.cli.numbers import written
from trabecula.cli.output import console
from trabecula.domain.errors import InstanceConflict, InstanceUnparsable
from trabecula.domain.study.copies import PixelComparison, QuarantineState
from trabecula.pipeline import EntryInFull

_TAIL = 8
_NEXT_STEPS = {kind.code: kind.next_step for kind in (InstanceConflict, InstanceUnparsable)}


def grouped(rows: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """Return table rows, one for entries that share sender, reason, study and standing; the newest first.

    Of a UID the last characters are shown, those that tell studies of one source apart; of a time month, day and hour.
    """
    groups: dict[tuple[object, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = (row["calling_ae_title"], row["code"], row["study_uid"], row["state"])
        groups.setdefault(key, []).append(row)
    return [
        (
            written(sorted(row["number"] for row in group)),
            len(group),
            str(max(row["last_received_at"] for row in group))[5:16].replace("T", " "),
            group[0]["calling_ae_title"],
            _why(group[0]),
            str(group[0]["study_uid"])[-_TAIL:] or "(unknown)",
        )
        for group in groups.values()
    ]


def entry_document(full: EntryInFull, row: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return everything about one entry (values of attributes are patient data)."""
    difference = full.difference
    return {
        **row,
        "next_step": _next_step(full),
        "path": path,
        "attributes": [{"tag": item.tag, "name": item.name, "value": item.newer} for item in full.attributes],
        "conflict": None
        if difference is None or full.conflict is None
        else {
            "study_uid": full.conflict.study_uid,
            "pixels": str(difference.pixels),
            "pixels_equal": difference.pixels is PixelComparison.EQUAL,
            "formerly_used": full.conflict.formerly_used,
            "differences": [
                {"tag": item.tag, "name": item.name, "in_use": item.in_use, "newer": item.newer}
                for item in difference.attributes
            ],
        },
    }


def show_entry_for_people(document: Mapping[str, Any]) -> None:
    """Print an entry: first why and what to do, then what it is."""
    for line in _lines(document):
        console.print(line, markup=False, highlight=False)


def _lines(document: Mapping[str, Any]) -> Iterable[str]:
    yield f"{document['code']}: {document['sentence']}"
    if document["state"] in (QuarantineState.HELD, QuarantineState.SUPERSEDED):
        yield f"next: {document['next_step']}"
    if document["state"] != QuarantineState.HELD:
        reason = document["closed_reason"] or "(no reason)"
        yield f"{document['state']} {_moment(document['closed_at'])} by {document['closed_by']}: {reason}"
    yield f"received {_moment(document['received_at'])} from {document['calling_ae_title']}" + (
        f", again {_moment(document['last_received_at'])}"
        if document["last_received_at"] != document["received_at"]
        else ""
    )
    yield f"file {document['path']} ({document['size_bytes']} bytes)"
    yield f"SOP Instance UID {document['sop_instance_uid']}"
    yield f"names study {document['study_uid'] or '(not readable)'}"
    for item in document["attributes"]:
        yield f"  {item['name']}: {item['value']}"
    conflict = document["conflict"]
    if conflict:
        yield f"copy of an image of study {conflict['study_uid']}; {PixelComparison(conflict['pixels']).words}"
        for item in conflict["differences"]:
            yield f"  {item['name']}: {item['in_use'] or '(none)'} -> {item['newer'] or '(none)'}"


def _next_step(full: EntryInFull) -> str:
    if full.conflict is not None and full.difference is not None:
        if full.difference.moved:
            return (
                "It names another study or series under a known SOP Instance UID: have the source send it under new "
                "UIDs, then `trabecula quarantine delete` it."
            )
        if full.difference.pixels is PixelComparison.EQUAL and not full.difference.image_attributes:
            return f"`trabecula studies adopt {full.conflict.study_uid} --reason ...` takes the newer headers over."
        return "It is not the image in use: find out who alters images, then `trabecula quarantine delete` it."
    return _NEXT_STEPS.get(full.entry.code, "`trabecula quarantine release` or `delete` it.")


def _why(row: Mapping[str, Any]) -> str:
    return row["code"] if row["state"] == QuarantineState.HELD else f"{row['code']} ({row['state']})"


def _moment(value: object) -> str:
    return str(value)[:19].replace("T", " ")
