from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.world import World, make_world
from trabecula.domain.delivery import Destination

__all__ = ["database_url", "embedded_database_url"]

PACS = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104)
SECOND = Destination(
    name="second", ae_title="SECOND", host="127.0.0.1", port=105, object_kinds=("SR",), commitment=False
)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """A world with two destinations; the second wants the SR only and no commitment."""
    made = make_world(database_url, tmp_path, (PACS, SECOND))
    yield made
    made.engine.dispose()
