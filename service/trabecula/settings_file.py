"""Where the settings file is: named by TRABECULA_CONFIG (``--config`` sets it), else the one of the system."""

from __future__ import annotations

import os
from pathlib import Path

CONFIG_VARIABLE = "TRABECULA_CONFIG"
SYSTEM_FILE = Path("/etc/trabecula/trabecula.toml")


def config_file() -> Path | None:
    """Return the file the settings come from, None where none is named and the system has none."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    try:
        return SYSTEM_FILE if SYSTEM_FILE.is_file() else None
    except OSError:  # a folder that this user may not look into is not theirs to be configured by
        return None


def settings_source() -> str:
    """Return in words which file is read, or that none is."""
    path = config_file()
    if path is None:
        return f"no settings file: neither --config nor {CONFIG_VARIABLE} names one, and there is no {SYSTEM_FILE}"
    return f"settings from {path}" + (f" ({CONFIG_VARIABLE})" if os.environ.get(CONFIG_VARIABLE) else "")
