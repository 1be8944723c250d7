"""Version 0005: what becomes of quarantined instances, and which copy of an instance a revision was frozen with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

_NO_TEXT = sa.text("''")


def upgrade() -> None:
    """Quarantine keeps a line of what was ended; a revision names its files itself, as instances may get others."""
    for column in (
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'HELD'"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), server_default=_NO_TEXT, nullable=False),
        sa.Column("closed_reason", sa.Text(), server_default=_NO_TEXT, nullable=False),
    ):
        op.add_column("quarantine", column)
    op.execute("UPDATE quarantine SET last_received_at = received_at")
    op.alter_column("quarantine", "last_received_at", nullable=False)
    op.create_check_constraint(
        op.f("ck_quarantine_state"), "quarantine",
        "state IN ('HELD', 'ADOPTED', 'SUPERSEDED', 'RELEASED', 'DELETED')",
    )  # fmt: skip
    op.drop_index(op.f("ix_quarantine_sop_instance_uid_sha256"), table_name="quarantine")
    op.create_index(
        op.f("ix_quarantine_sop_instance_uid_sha256"), "quarantine", ["sop_instance_uid", "sha256"],
        unique=True, postgresql_where=sa.text("state = 'HELD'"),
    )  # fmt: skip
    op.add_column("revision_instances", sa.Column("spool_key", sa.Text(), nullable=True))
    op.add_column("revision_instances", sa.Column("sha256", sa.Text(), nullable=True))
    op.execute(
        "UPDATE revision_instances r SET spool_key = i.spool_key, sha256 = i.sha256 "
        "FROM instances i WHERE i.sop_instance_uid = r.sop_instance_uid"
    )
    op.alter_column("revision_instances", "spool_key", nullable=False)
    op.alter_column("revision_instances", "sha256", nullable=False)
    op.create_table(
        "former_copies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sop_instance_uid", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("spool_key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("transfer_syntax_uid", sa.Text(), nullable=False),
        sa.Column("calling_ae_title", sa.Text(), nullable=False),
        sa.Column("association_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("replaced_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sop_instance_uid"], ["instances.sop_instance_uid"],
            name=op.f("fk_former_copies_sop_instance_uid"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_copies")),
    )  # fmt: skip
    op.create_index(op.f("ix_former_copies_sop_instance_uid"), "former_copies", ["sop_instance_uid"])


def downgrade() -> None:
    """Not offered: which copy is in use would be lost; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
