from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.databases import embedded_database_url
from trabecula.ledger.database import create_engine_for

__all__ = ["embedded_database_url"]


@pytest.fixture
def engine(embedded_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(embedded_database_url)
    yield made
    made.dispose()
