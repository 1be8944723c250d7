"""What alembic runs: applies migrations on the connection that ledger.schema hands over."""

from __future__ import annotations

from alembic import context

from trabecula.ledger import (  # noqa: F401 - their tables belong to the same metadata
    queue_tables,
    reception_tables,
    retention_tables,
)
from trabecula.ledger.notifications import tables as notification_tables  # noqa: F401
from trabecula.ledger.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
