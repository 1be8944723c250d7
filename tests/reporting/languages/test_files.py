from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from trabecula.data import content
from trabecula.domain.language import Language
from trabecula.reporting.languages import files
from trabecula.reporting.languages.files import files_of
from trabecula.reporting.languages.placeholders import Pattern

Document = Mapping[str, Any]


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[str, dict[str, Any]], None]], None]]:
    """Lets a test change what a file of German holds, before it is read."""
    read = files.data_file

    def change(by: Callable[[str, dict[str, Any]], None]) -> None:
        def changed_file(name: str) -> Document:
            document = {key: dict(value) for key, value in read(name).items()}
            if name.startswith("languages/de/"):
                by(name.rsplit("/", 1)[1], document)
            return document

        monkeypatch.setattr(files, "data_file", changed_file)

    files_of.cache_clear()
    yield change
    files_of.cache_clear()


@pytest.mark.parametrize("language", Language)
def test_every_language_is_whole_and_says_that_no_clinician_has_read_it(language: Language) -> None:
    found = files_of(language)

    assert len(found.phrases) > 400
    for part in ("report", "details", *(() if language is Language.ENGLISH else ("reasons",))):
        first = content(f"languages/{language}/{part}.toml").decode("utf-8").splitlines()[0]
        assert first.endswith("Not yet reviewed by a clinician.")


def test_a_missing_key_an_extra_one_and_another_placeholder_are_refused(changed: Any) -> None:
    def without(part: str, document: dict[str, Any]) -> None:
        document.get("phrases", {}).pop("left_open", None)

    def more(part: str, document: dict[str, Any]) -> None:
        if part == "details.toml":
            document["phrases"]["of_nobody"] = "x"

    def other(part: str, document: dict[str, Any]) -> None:
        if part == "report.toml":
            document["phrases"]["left_open"] = "offen: {warum}"

    def empty(part: str, document: dict[str, Any]) -> None:
        if part == "report.toml":
            document["phrases"]["left_open"] = " "

    for change, said in ((without, "left_open"), (more, "of_nobody"), (other, "left_open"), (empty, "left_open")):
        changed(change)
        with pytest.raises(ValueError, match=said):
            files_of(Language.GERMAN)


def test_a_missing_reason_and_one_without_what_would_help_are_refused(changed: Any) -> None:
    def without(part: str, document: dict[str, Any]) -> None:
        document.get("reasons", {}).pop("METAL", None)

    def shorter(part: str, document: dict[str, Any]) -> None:
        if part == "reasons.toml":
            document["reasons"]["AGE_CONFLICT"] = ["Ein Satz."]

    def layout(part: str, document: dict[str, Any]) -> None:
        if part == "report.toml":
            del document["layout"]["decimal"]

    for change, said in ((without, "METAL"), (shorter, "AGE_CONFLICT"), (layout, "decimal")):
        changed(change)
        with pytest.raises(ValueError, match=said):
            files_of(Language.GERMAN)


def test_a_kind_of_placeholder_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="colour"):
        Pattern.of("key", "in {place:colour}")
