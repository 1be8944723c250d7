"""Version 0021: the disks of every host that receives or works, as its processes tell them; failures by code; failed runs apart from lost ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and an index by which failures are counted by their code without reading the studies."""
    op.create_table(
        "host_disks",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
        sa.Column("watermark_bytes", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("host", "folder", name=op.f("pk_host_disks")),
    )
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    raw.execute("UPDATE stage_attempts SET stage = stage || ':failed' WHERE stage !~ ':'")  # until now one count
    op.create_index(
        op.f("ix_studies_failure_code"), "studies", ["failure_code"], postgresql_where=sa.text("state = 'FAILED'")
    )


def downgrade() -> None:
    """Drop it; hosts tell again."""
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    raw.execute("DELETE FROM stage_attempts WHERE stage ~ ':failed$'")
    op.drop_index(op.f("ix_studies_failure_code"), "studies")
    op.drop_table("host_disks")
