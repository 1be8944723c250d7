"""Reading the settings: errors name the file, the key and what was meant; secrets come from files of their own."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from pydantic import BaseModel, ValidationError

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.settings.model import ExternalSegmenterSettings, PeerSettings, Settings
from trabecula.settings_file import CONFIG_VARIABLE, config_file

_TABLES: dict[str, type[BaseModel]] = {
    "destinations": PeerSettings,
    "archive": PeerSettings,
    "external_segmenters": ExternalSegmenterSettings,
}
"""The keys whose values are tables with keys of their own."""
_NEAR = 0.75
"""Share of equal letters (difflib) from which a known key is offered; typing errors of one or two letters are above."""


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of this process. Raises ConfigurationInvalid naming the key and what is wrong with it."""
    path = config_file()
    try:
        if path is not None and not path.is_file():
            raise ConfigurationInvalid(f"{CONFIG_VARIABLE} names {path}, which is not a file")
        return _with_password(Settings(**overrides))
    except ValidationError as error:
        where = f"{path}: " if path is not None else ""
        raise ConfigurationInvalid(where + "; ".join(_problem(item) for item in error.errors())) from error
    except OSError as error:
        raise ConfigurationInvalid(f"{error.filename or path}: {error.strerror}") from error
    except ValueError as error:  # a TOML file that does not parse
        raise ConfigurationInvalid(f"{path}: {error}") from error


def unknown_variables() -> tuple[str, ...]:
    """Return the TRABECULA_* variables of the environment that no setting reads: most likely typing errors."""
    known = {f"TRABECULA_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    ours = {name for name in os.environ if name.startswith("TRABECULA_") and not name.startswith("TRABECULA_TEST_")}
    return tuple(sorted(ours - known - {"TRABECULA_REQUIRE_PEERS", "TRABECULA_SUPERVISED"}))


def variable_in_words(name: str) -> str:
    """Return a variable that no setting reads, and the one that was probably meant."""
    return f"{name} is read by no setting{meant(name, (f'TRABECULA_{key.upper()}' for key in Settings.model_fields))}"


def meant(word: str, known: Iterable[str]) -> str:
    """Return ``, did you mean KEY?`` where a known word is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=_NEAR)
    return f", did you mean {near[0]}?" if near else ""


def _problem(item: Any) -> str:
    place: Sequence[object] = item["loc"]
    key = ".".join(str(part) for part in place) or "settings"
    if item["type"] != "extra_forbidden":
        return f"{key}: {item['msg']}"
    table = _TABLES.get(str(place[0])) if len(place) > 1 else Settings
    return f"{key}: unknown key{meant(str(place[-1]), table.model_fields if table else ())}"


def _with_password(settings: Settings) -> Settings:
    """Put the password of its file into the URL. Raises ConfigurationInvalid where it cannot."""
    if settings.database_password_file is None:
        return settings
    password = first_line_of("database_password_file", settings.database_password_file)
    parts = urlsplit(settings.database_url)
    if parts.username and parts.password and unquote(parts.password) == password:
        return settings  # a part of a service gets the whole URL from it
    if not parts.username or parts.password:
        raise ConfigurationInvalid("database_password_file: database_url must name a user, and no password of its own")
    host = parts.netloc.rpartition("@")[2]
    url = urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(password, safe='')}@{host}"))
    return settings.model_copy(update={"database_url": url})


def first_line_of(key: str, path: Path) -> str:
    """Return the secret in a file: its first line. Raises ConfigurationInvalid naming the key, never the content."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationInvalid(f"{key}: {path} cannot be read ({type(error).__name__})") from error
    if not lines or not lines[0]:
        raise ConfigurationInvalid(f"{key}: the first line of {path} is empty")
    return lines[0]
