"""Version 0006: how far each listener's journal is registered, and which instances a sender was told we refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add three tables and what a revision lacks; a listener without a journal has no row in them."""
    op.add_column("revisions", sa.Column("refused", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column(
        "revisions", sa.Column("silent_listeners", JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False)
    )
    op.create_table(
        "listeners",
        sa.Column("journal_uid", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("registered_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("host_clock", sa.DateTime(timezone=True), nullable=False),
        sa.Column("backlog_bytes", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("journal_uid", name=op.f("pk_listeners")),
    )
    op.create_table(
        "journal_segments",
        sa.Column("segment_uid", sa.Text(), nullable=False),
        sa.Column("journal_uid", sa.Text(), nullable=False),
        sa.Column("next_sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("segment_uid", name=op.f("pk_journal_segments")),
    )
    op.create_table(
        "refused_instances",
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), nullable=False),
        sa.Column("series_uid", sa.Text(), nullable=False),
        sa.Column("sop_class_uid", sa.Text(), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("calling_ae_title", sa.Text(), nullable=False),
        sa.Column("association_id", sa.Text(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("study_uid", "sop_instance_uid", name=op.f("pk_refused_instances")),
    )


def downgrade() -> None:
    """Not offered: what a journal still holds would be registered twice; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
