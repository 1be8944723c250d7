"""A site's key for tests: made where it is asked for, never kept in the repository."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.trust import PRIVATE_KEY_NAME, make_key, sign_bundle


def site_key(folder: Path) -> tuple[Path, str]:
    """Make a key in ``folder`` and return its private file and its public line; skip where the library is missing,
    which in continuous integration is a failure."""
    if importlib.util.find_spec("cryptography") is None:
        message = "cryptography is not installed; run make install"
        if os.environ.get("TRABECULA_REQUIRE_PEERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    public = make_key(folder)
    return folder / PRIVATE_KEY_NAME, public


def signed(folder: Path, key: Path) -> Path:
    """Sign the bundle of a folder and return the folder."""
    sign_bundle(load_bundle(folder), key)
    return folder
