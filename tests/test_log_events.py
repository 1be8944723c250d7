"""Every event that the code logs has a name of one grammar and a line in docs/log-events.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
IRREGULAR = {"done", "lost", "torn", "died", "sent", "told", "left", "found", "kept", "said", "unheard"}
_LINE = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \|", re.MULTILINE)


def _calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The event of every call of a logger, and of what passes one on (tell_started, _log)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        place = 1 if name == "tell_started" else 0
        logs = isinstance(called, ast.Attribute) and name in LEVELS and _is_logger(called.value)
        if (logs or name in ("tell_started", "_log", "level")) and len(node.args) > place:
            event = node.args[place]
            if isinstance(event, ast.Constant):
                yield str(event.value), node.lineno


def _is_logger(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in ("log", "logger")
    named = node.func if isinstance(node, ast.Call) else None
    return (named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")) in (
        "get_logger",
        "command_log",
    )


@cache
def logged() -> dict[str, str]:
    found = {"library.said": "logs.py"}
    for path in sorted((ROOT / "service").rglob("*.py")):
        for event, line in _calls(ast.parse(path.read_text())):
            found.setdefault(event, f"{path.name}:{line}")
    return found


def _is_past(verb: str) -> bool:
    word = verb.removeprefix("not_").split("_")[0]
    return word.endswith("ed") or word in IRREGULAR


def test_every_event_is_a_noun_and_what_happened_to_it() -> None:
    events = logged()
    odd = {
        event: place
        for event, place in events.items()
        if not re.fullmatch(r"[a-z_]+\.[a-z_]+", event) or not _is_past(event.partition(".")[2])
    }

    assert len(events) > 60
    assert odd == {}


def test_the_list_of_events_is_that_of_the_code() -> None:
    listed = _LINE.findall((ROOT / "docs" / "log-events.md").read_text())

    assert sorted(listed) == sorted(logged())
