"""How images that came again with other headers are shown: grouped by what differs, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trabecula.cli.numbers import written
from trabecula.cli.output import console
from trabecula.domain.study.copies import PixelComparison
from trabecula.domain.uids import StudyUid
from trabecula.pipeline import ComparedConflict

_SHOWN_VALUES = 3


def conflict_documents(found: Iterable[ComparedConflict]) -> list[dict[str, Any]]:
    """Return one dictionary for each kind of conflict, in the order given (values are patient data)."""
    groups: dict[tuple[object, ...], list[ComparedConflict]] = {}
    for item in found:
        entry, difference = item.conflict.entry, item.difference
        key = (
            entry.calling_ae_title,
            entry.study_uid,
            difference.pixels,
            tuple(each.tag for each in difference.attributes),
            item.conflict.formerly_used,
        )
        groups.setdefault(key, []).append(item)
    return [_document(group) for group in groups.values()]


def show_conflicts(documents: Sequence[Mapping[str, Any]], study_uid: StudyUid) -> None:
    """Print the documents, and the commands that help."""
    if not documents:
        return
    console.print("conflicts:", style="bold")
    for document in documents:
        for line in _lines(document):
            console.print(f"  {line}", markup=False, highlight=False)
    adoptable = any(item["attributes"] and item["pixels_equal"] and not _hindered(item) for item in documents)
    adopt = f"`trabecula studies adopt {study_uid} --reason ...` takes the newer headers over, " if adoptable else ""
    console.print(
        f"  nothing happens by itself: {adopt}`trabecula quarantine delete` discards copies",
        markup=False,
        highlight=False,
    )


def _document(group: Sequence[ComparedConflict]) -> dict[str, Any]:
    first = group[0]
    entries = [item.conflict.entry for item in group]
    differences = [item.difference for item in group]
    attributes = [
        {
            "tag": attribute.tag,
            "name": attribute.name,
            "in_use": _values(difference.attributes[place].in_use for difference in differences),
            "newer": _values(difference.attributes[place].newer for difference in differences),
        }
        for place, attribute in enumerate(first.difference.attributes)
    ]
    return {
        "images": len(group),
        "calling_ae_title": entries[0].calling_ae_title,
        "study_uid": entries[0].study_uid,
        "first_received_at": min(entry.received_at for entry in entries).isoformat(),
        "last_received_at": max(entry.last_received_at for entry in entries).isoformat(),
        "numbers": sorted(entry.number for entry in entries),
        "attributes": attributes,
        "pixels": str(first.difference.pixels),
        "pixels_equal": first.difference.pixels is PixelComparison.EQUAL,
        "image_attributes": sorted({name for each in differences for name in each.image_attributes}),
        "moved": sorted({name for each in differences for name in each.moved}),
        "formerly_used": first.conflict.formerly_used,
    }


def _hindered(document: Mapping[str, Any]) -> bool:
    """Return whether the copies belong elsewhere or are another image, so that they cannot be taken over."""
    return bool(document["moved"] or document["image_attributes"])


def _values(values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(values))
    more = len(distinct) - _SHOWN_VALUES
    return ", ".join(distinct[:_SHOWN_VALUES]) + (f" and {more} more" if more > 0 else "")


def _lines(document: Mapping[str, Any]) -> Iterable[str]:
    count = document["images"]
    moment = document["last_received_at"][:16].replace("T", " ")
    pixels = PixelComparison(document["pixels"]).words
    other = "headers" if document["pixels_equal"] else "content"
    yield (
        f"{count} image{'s' if count != 1 else ''} came again with other {other}: last {moment} from "
        f"{document['calling_ae_title']}; {pixels}; quarantine {written(document['numbers'])}"
    )
    if document["formerly_used"]:
        yield "  these are headers that were in use before an operator took others over"
    for attribute in document["attributes"]:
        yield f"  {attribute['name']}: {attribute['in_use'] or '(none)'} -> {attribute['newer'] or '(none)'}"
    if not document["attributes"] and document["pixels_equal"]:
        yield "  no attribute differs: the same headers, encoded in another way"
    if document["moved"]:
        yield f"  they would belong elsewhere ({', '.join(document['moved'])}) and cannot be taken over"
    if document["image_attributes"]:
        yield f"  they are another image ({', '.join(document['image_attributes'])}) and cannot be taken over"
