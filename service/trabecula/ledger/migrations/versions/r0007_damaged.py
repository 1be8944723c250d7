"""Version 0007: how many acknowledged images of a revision were damaged on their listener's disk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the count; nothing was counted before."""
    op.add_column("revisions", sa.Column("damaged", sa.BigInteger(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    """Remove the count."""
    op.drop_column("revisions", "damaged")
