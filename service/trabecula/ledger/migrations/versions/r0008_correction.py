"""Version 0008: how a reader named the levels of a revision."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the correction; nobody has named levels before."""
    op.add_column("revisions", sa.Column("correction", JSONB(), nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("revisions", "correction")
