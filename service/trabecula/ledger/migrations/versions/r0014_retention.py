"""Version 0014: what retention removed, what may not be removed, what was deleted for good, and restores."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_EMPTY = sa.text("''")
_ZERO = sa.text("0")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add six tables; nothing was removed or deleted before."""
    op.create_table(
        "removals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("begun_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("undone_at", _TIME, nullable=True),
        sa.CheckConstraint("kind IN ('IMAGES', 'RESULTS')", name=op.f("ck_removals_kind")),
        sa.ForeignKeyConstraint(
            ["study_uid"], ["studies.study_uid"], name=op.f("fk_removals_study_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_removals")),
    )
    op.create_index(
        op.f("ix_removals_study_uid_kind_revision"),
        "removals",
        ["study_uid", "kind", "revision"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_index(op.f("ix_removals_begun_at"), "removals", ["begun_at"])
    op.create_table(
        "removed_images",
        sa.Column("sop_instance_uid", sa.Text(), nullable=False),
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("removed_at", _TIME, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(
            ["sop_instance_uid"],
            ["instances.sop_instance_uid"],
            name=op.f("fk_removed_images_sop_instance_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_removed_images")),
    )
    op.create_index(op.f("ix_removed_images_study_uid"), "removed_images", ["study_uid"])
    op.create_table(
        "retention_holds",
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("held_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("held_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_uid"], ["studies.study_uid"], name=op.f("fk_retention_holds_study_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("pk_retention_holds")),
    )
    _tombstones()
    op.create_table(
        "restores",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("restored_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("backup_made_at", _TIME, nullable=False),
        sa.Column("restored_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_restores")),
    )


def _tombstones() -> None:
    counts = ("images", "revisions", "quarantined", "reference_results", "size_bytes", "dropped")
    op.create_table(
        "deleted_studies",
        sa.Column("study_key", sa.Text(), nullable=False),
        sa.Column("study_uid", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("begun_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("deleted_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=_ZERO, nullable=False) for name in counts),
        sa.Column("dropped_at", _TIME, nullable=True),
        sa.Column("allowed_at", _TIME, nullable=True),
        sa.Column("allowed_by", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("allowed_reason", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.PrimaryKeyConstraint("study_key", name=op.f("pk_deleted_studies")),
    )
    op.create_table(
        "tombstone_keys",
        sa.Column("one", sa.BigInteger(), server_default=sa.text("1"), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint("one = 1", name=op.f("ck_tombstone_keys_single_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_tombstone_keys")),
    )


def downgrade() -> None:
    """Not offered: it would be forgotten that images are gone and which studies may not come back."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
