"""Version 0009: which results are recalled, by whom and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the mark; nothing was recalled before."""
    op.add_column("revisions", sa.Column("recall", JSONB(), nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("revisions", "recall")
