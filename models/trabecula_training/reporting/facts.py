"""What only people know of a study, from their facts.toml: read strictly, shown as theirs and never as a finding."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trabecula_training.data import data_file
from trabecula_training.errors import FactsInvalid

LIST = "TRIPOD+AI"
"""The checklist whose items the answers fill."""

LONGEST_ANSWER = 4000
"""Characters of one answer; a checklist says where to read on."""

Answers = Mapping[str, str]
"""Key of facts.toml -> what people wrote."""

_HEAD = """\
# What only people know of this study: the items of TRIPOD+AI (Collins et al. 2024, BMJ 385:e078378) that
# `trabecula-train run --facts facts.toml` cannot answer by itself. It prints your answers as yours. Leave empty what
# you do not know; name no patient.
"""


def read_facts(path: Path) -> Answers:
    """Return the answers of a file, those left empty not among them.

    Raises FactsInvalid for what is no TOML, for a key that is not known, and for an answer that is no text.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FactsInvalid(f"{path.name} cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise FactsInvalid(f"{path.name} is no UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise FactsInvalid(f"{path.name} is no TOML: {error}") from error
    wrong = [told for key, value in found.items() if (told := _wrong(key, value))]
    if wrong:
        raise FactsInvalid(f"{path.name}: {'; '.join(wrong)}")
    return {key: " ".join(value.split()) for key, value in found.items() if value.strip()}


def _wrong(key: str, value: object) -> str:
    known = tuple(data_file("facts.toml"))
    if key not in known:
        near = difflib.get_close_matches(key, known, 1, 0.5)
        return f"{key[:40]} is not known" + (f", did you mean {near[0]}?" if near else "")
    if not isinstance(value, str):
        return f"{key} is no text in quotation marks"
    return f"{key} is longer than {LONGEST_ANSWER} characters" if len(value) > LONGEST_ANSWER else ""


def facts_template() -> str:
    """Return an empty facts.toml: every key with the number and the question of its item."""
    return _HEAD + "".join(f'\n# {entry["item"]}: {entry["question"]}\n{key} = ""\n' for key, entry in _entries())


def template_rows() -> list[tuple[str, str, str]]:
    """Return key, item and question of every entry."""
    return [(key, str(entry["item"]), str(entry["question"])) for key, entry in _entries()]


def answers_by_item(answers: Answers) -> dict[str, str]:
    """Return the answers by the number of their item."""
    return {str(entry["item"]): answers[key] for key, entry in _entries() if key in answers}


def _entries() -> list[tuple[str, Mapping[str, Any]]]:
    return list(data_file("facts.toml").items())
