"""Version 0003: reference measurements as sites have them, one row each; the issuer of a study's patient ID."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A reference belongs to a patient and joins studies by date, so it no longer names one study."""
    op.add_column("studies", sa.Column("patient_id_issuer", sa.Text(), server_default=sa.text("''"), nullable=False))
    op.drop_index(op.f("ix_reference_results_study_uid"), table_name="reference_results")
    op.drop_constraint(op.f("fk_reference_results_study_uid"), "reference_results", type_="foreignkey")
    op.drop_column("reference_results", "study_uid")
    op.alter_column(
        "reference_results", "measured_on", type_=sa.Date(), existing_nullable=False,
        postgresql_using="measured_on::date",
    )  # fmt: skip
    for column in (
        sa.Column("issuer", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("z_score", sa.Double(), nullable=True),
        sa.Column("device", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("height_cm", sa.Double(), nullable=True),
        sa.Column("weight_kg", sa.Double(), nullable=True),
        sa.Column("postmenopausal", sa.Boolean(), nullable=True),
    ):
        op.add_column("reference_results", column)
    op.create_check_constraint(op.f("ck_reference_results_method"), "reference_results", "method IN ('DXA', 'QCT')")
    op.create_index(
        op.f("ix_reference_results_patient_id_issuer_measured_on_method_site"), "reference_results",
        ["patient_id", "issuer", "measured_on", "method", "site"], unique=True,
    )  # fmt: skip


def downgrade() -> None:
    """Not offered: imported references would be lost; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
