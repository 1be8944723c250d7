"""What alembic runs: applies migrations on the connection that ledger.schema hands over."""

from __future__ import annotations

from alembic import context

from trabecula.ledger import queue_tables, reception_tables  # noqa: F401 - their tables belong to the same metadata
from trabecula.ledger.access import tables as access_tables  # noqa: F401
from trabecula.ledger.audit import tables as audit_tables  # noqa: F401
from trabecula.ledger.desk import tables as desk_tables  # noqa: F401
from trabecula.ledger.notifications import tables as notification_tables  # noqa: F401
from trabecula.ledger.readings import tables as reading_tables  # noqa: F401
from trabecula.ledger.retention import tables as retention_tables  # noqa: F401
from trabecula.ledger.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
