"""Version 0012: when a delivery is tried again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_DELIVERIES = """
CREATE OR REPLACE VIEW deliveries AS
SELECT d.study_uid, d.revision, d.destination, d.kind, d.sop_class_uid, d.sop_instance_uid, d.state,
       CASE WHEN d.status IS NULL THEN NULL ELSE '0x' || upper(lpad(to_hex(d.status), 4, '0')) END AS status_word,
       d.error_code, d.comment, d.attempts, d.commitment, d.changed_at,
       d.revision < s.revision AS superseded, d.next_attempt_at
FROM object_deliveries d JOIN studies s ON s.study_uid = d.study_uid;
"""


def upgrade() -> None:
    """Add the time, to the view too; where a delivery waits now it is known after the next try."""
    op.add_column("object_deliveries", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(_DELIVERIES)


def downgrade() -> None:
    """Not offered: views do not lose columns; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
