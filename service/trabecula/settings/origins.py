"""Which value each setting has and where it comes from, with what is secret kept out."""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel

from trabecula.settings.model import Settings
from trabecula.settings_file import config_file


@dataclass(frozen=True, kw_only=True)
class SettingInForce:
    """A setting as this process reads it: its value without secrets, and ``default``, a file, or a variable."""

    name: str
    value: Any
    origin: str


def settings_in_force(settings: Settings) -> tuple[SettingInForce, ...]:
    """Return every setting in the order of the settings; an environment variable goes before the file."""
    path = config_file()
    in_file = tomllib.loads(path.read_text(encoding="utf-8")) if path is not None else {}
    return tuple(
        SettingInForce(name=name, value=_shown(name, getattr(settings, name)), origin=_origin(name, in_file, path))
        for name in Settings.model_fields
    )


def without_password(url: str) -> str:
    """Return a URL with its password replaced by ``***``; a text that is no URL is returned only without ``@``."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    who, _, where = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{who.partition(':')[0]}:***@{where}"))


def ledger_in_words(settings: Settings) -> str:
    """Return which ledger these settings mean, without a password."""
    return without_password(settings.database_url) or f"embedded in {settings.data_dir}"


def open_secrets() -> str:
    """Return what is wrong where the settings file holds a password and others may read it; else nothing."""
    path = config_file()
    if path is None:
        return ""
    try:
        mode = path.stat().st_mode
        url = str(tomllib.loads(path.read_text(encoding="utf-8")).get("database_url", ""))
    except (OSError, ValueError):
        return ""
    if not mode & stat.S_IROTH or urlsplit(url).password is None:
        return ""
    return f"{path} holds the database's password and everybody on this machine may read it"


def _origin(name: str, in_file: dict[str, Any], path: Path | None) -> str:
    variables = {key.upper(): key for key in os.environ}
    variable = variables.get(f"TRABECULA_{name.upper()}")
    if variable is not None:
        return variable
    return str(path) if name in in_file else "default"


def _shown(name: str, value: Any) -> Any:
    if name == "database_url":
        return without_password(value)
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, (tuple, list)):
        return [_shown("", item) for item in value]
    if isinstance(value, dict):
        return {key: _shown("", item) for key, item in value.items()}
    return str(value) if isinstance(value, Path) else value
