"""Versioned data files and their one loader: thresholds, tokens, codes, gates; each entry with its source.

A number with a clinical meaning stands here and nowhere in code. A table is read once; the type that a room makes of
it lives in the room that decides by it.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, get_type_hints

Kind = TypeVar("Kind")


@cache
def content(name: str) -> bytes:
    """Return a file of ``trabecula.data``, e.g. ``crops/midsagittal_v1.toml``, read once."""
    return files("trabecula.data").joinpath(*name.split("/")).read_bytes()


def digest(*names: str) -> str:
    """Return the SHA-256 over these files, one after the other: what results state of the rules they follow."""
    return hashlib.sha256(b"".join(map(content, names))).hexdigest()


@cache
def data_file(name: str) -> Mapping[str, Any]:
    """Return a TOML file of ``trabecula.data``, read once."""
    return tomllib.loads(content(name).decode("utf-8"))


def table(name: str, section: str, kind: type[Kind]) -> Kind:
    """Return a section of a TOML file of ``trabecula.data`` as a frozen dataclass with a field for every key.

    ``source`` and what ends in it cite, and are no fields. Raises ValueError, when the program starts, for a key that
    is missing, that no field has, or whose value is of another type: a misspelt key never becomes a default.
    """
    content = {key: value for key, value in data_file(name)[section].items() if not key.endswith("source")}
    hints = get_type_hints(kind)
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if content.keys() != known:
        wrong = ", ".join(sorted(content.keys() ^ known))
        raise ValueError(f"{name} [{section}] and {kind.__name__} differ in {wrong}")
    return kind(**{key: _typed(value, hints[key], f"{name} [{section}] {key}") for key, value in content.items()})


def _typed(value: Any, hint: Any, place: str) -> Any:
    """A TOML value as its field holds it: lists become tuples, whole numbers stand where any number may."""
    if isinstance(value, Mapping):
        return {key: tuple(items) for key, items in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        kinds = [item for item in getattr(hint, "__args__", ()) if item is not Ellipsis]
        if not kinds or (len(kinds) > 1 and len(kinds) != len(value)):
            raise ValueError(f"{place} holds {len(value)} values")
        return tuple(_typed(item, kinds[0], place) for item in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{place} is no {getattr(hint, '__name__', hint)}")
    return value
