"""Version 0011: the view of bodies that lost height: how much, and whether they were named with a recommendation."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_VIEW = """
CREATE VIEW possible_fractures AS
SELECT s.study_uid, s.revision, r.category, f.item ->> 'level' AS level, f.item ->> 'kind' AS kind,
       f.item ->> 'degree' AS degree, (f.item ->> 'loss_percent')::double precision AS loss_percent,
       (f.item ->> 'named')::boolean AS named, (f.item ->> 'recommended')::boolean AS recommended,
       f.item ->> 'series_uid' AS series_uid
FROM studies s
JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = s.revision
CROSS JOIN LATERAL jsonb_array_elements(coalesce(r.result -> 'deformities', '[]'::jsonb)) AS f (item);
"""


def upgrade() -> None:
    """Add the view; results kept by an earlier release name no degrees and have no rows."""
    op.execute(_VIEW)


def downgrade() -> None:
    """Drop the view."""
    op.execute("DROP VIEW possible_fractures")
