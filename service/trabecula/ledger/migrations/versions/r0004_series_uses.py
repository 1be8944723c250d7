"""Version 0004: the view of which series each result used, and how many of their images."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0005"
branch_labels = None
depends_on = None

_VIEW = """
CREATE VIEW series_uses AS
SELECT s.study_uid, s.revision, u.item ->> 'series_uid' AS series_uid,
       (u.item ->> 'number')::integer AS series_number, u.item ->> 'description' AS description,
       u.item ->> 'modality' AS modality, u.item ->> 'role' AS role, u.item ->> 'role' IS NOT NULL AS used,
       (u.item ->> 'images_used')::integer AS images_used, (u.item ->> 'images_total')::integer AS images_total,
       ARRAY(SELECT DISTINCT q.item ->> 'code' FROM jsonb_array_elements(u.item -> 'reasons') AS q (item)
             ORDER BY 1) AS reasons
FROM studies s
JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = s.revision
CROSS JOIN LATERAL jsonb_array_elements(
    coalesce(r.result -> 'series_used', '[]'::jsonb) || coalesce(r.result -> 'series_not_used', '[]'::jsonb)
) AS u (item);
"""


def upgrade() -> None:
    """Add the view; results kept by an earlier release account for no series and have no rows."""
    op.execute(_VIEW)


def downgrade() -> None:
    """Drop the view."""
    op.execute("DROP VIEW series_uses")
