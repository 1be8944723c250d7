"""Fixtures shared by all tests: real peers, found by name or reported missing by name."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests import parallel

parallel.like_one_alone()  # before anything imports numpy
settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.load_profile("house")

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Development scans; not part of the project, and no test needs them to pass."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        parallel.arrange(items)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Take back what a test did to the log: a handler on its captured stream fails in every later test, and in threads.

    pytest closes that stream; what a thread of pynetdicom says after it would be told as an error of logging.
    """
    root = logging.getLogger()
    handlers, level, told = root.handlers[:], root.level, structlog.get_config()
    yield
    if root.handlers == handlers:
        return
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**told)
    structlog.contextvars.clear_contextvars()


@pytest.fixture(scope="session")
def require_cjk_font() -> Callable[[], Path]:
    """Return a function that gives the Chinese and Japanese font of the host, or skips as ``require_tool`` does."""

    def find() -> Path:
        path = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
        if not path.is_file():
            message = "fonts-noto-cjk is not installed; run deploy/install-test-peers.sh as root"
            if os.environ.get("TRABECULA_REQUIRE_PEERS") == "1":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Return a function that gives the path of a program, or skips the test naming the program that is missing.

    With TRABECULA_REQUIRE_PEERS=1 (set by .ci/run) a missing program is a failure, so that nothing is skipped there.
    """

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            message = f"{name} is not installed; run deploy/install-test-peers.sh as root"
            if os.environ.get("TRABECULA_REQUIRE_PEERS") == "1":
                pytest.fail(message)
            pytest.skip(message)
        return path

    return find


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Return a function that gives a free TCP port of 127.0.0.1."""
    return parallel.free_port


@pytest.fixture(scope="session")
def development_data() -> Path:
    """Return the folder of development scans, or skip saying that it is absent."""
    if not DATA.is_dir():
        pytest.skip("the development scans are not on this machine")
    return DATA
