"""Version 0019: in which language an object of a result is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the language; what was made before is in English, and a segmentation is in none."""
    op.add_column("objects", sa.Column("language", sa.Text(), nullable=True))
    op.execute("UPDATE objects SET language = 'en' WHERE kind <> 'SEG'")


def downgrade() -> None:
    """Drop it: in which language an object is, its own header tells."""
    op.drop_column("objects", "language")
