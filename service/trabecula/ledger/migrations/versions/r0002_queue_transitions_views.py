"""Version 0002: the job queue, the enforced table of transitions, and the views with stable names."""

from __future__ import annotations

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TRANSITIONS = {
    "RECEIVING": ("ANALYSING", "FAILED", "CANCELLED"),
    "ANALYSING": ("REPORTING", "FAILED", "CANCELLED", "RECEIVING"),
    "REPORTING": ("DELIVERING", "DONE", "FAILED", "CANCELLED", "RECEIVING"),
    "DELIVERING": ("DONE", "FAILED", "CANCELLED", "RECEIVING"),
    "DONE": ("RECEIVING", "ANALYSING", "DELIVERING"),
    "FAILED": ("RECEIVING", "ANALYSING", "REPORTING", "DELIVERING", "CANCELLED"),
    "CANCELLED": ("RECEIVING", "ANALYSING"),
}

_TRIGGER = """
CREATE FUNCTION check_study_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT 1 FROM study_transitions WHERE from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'study transition % -> % is not allowed', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER study_transition BEFORE UPDATE ON studies FOR EACH ROW EXECUTE FUNCTION check_study_transition();
"""

_VIEWS = """
CREATE VIEW screening_log AS
SELECT s.study_uid, s.revision, s.state, s.category,
       s.accession_number, s.patient_id, s.study_date, s.description,
       s.manufacturer, s.scanner_model, s.station, s.calling_ae_title,
       s.first_image_at AS received_at, s.last_image_at, r.frozen_at, r.analysed_at, r.reported_at, r.done_at,
       (SELECT count(*) FROM instances i WHERE i.study_uid = s.study_uid) AS instances,
       ARRAY(SELECT DISTINCT code FROM reasons q WHERE q.study_uid = s.study_uid AND q.revision = s.revision ORDER BY 1)
           AS reasons,
       ARRAY(SELECT DISTINCT model_id FROM scores c WHERE c.study_uid = s.study_uid AND c.revision = s.revision ORDER BY 1)
           AS models,
       s.failed_stage, s.failure_code, s.failure_sentence, s.failure_next_step
FROM studies s LEFT JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = s.revision;

CREATE VIEW screening_levels AS
SELECT s.study_uid, s.revision, s.category, l.level, l.evaluable, l.quality,
       ARRAY(SELECT DISTINCT code FROM reasons q
             WHERE q.study_uid = l.study_uid AND q.revision = l.revision AND q.level = l.level ORDER BY 1) AS reasons,
       m.concept, m.meaning, m.derivation, m.value, m.unit, m.method, m.series_uid
FROM studies s
JOIN levels l ON l.study_uid = s.study_uid AND l.revision = s.revision
LEFT JOIN measurements m ON m.study_uid = l.study_uid AND m.revision = l.revision AND m.level = l.level;

CREATE VIEW deliveries AS
SELECT d.study_uid, d.revision, d.destination, d.kind, d.sop_class_uid, d.sop_instance_uid, d.state,
       CASE WHEN d.status IS NULL THEN NULL ELSE '0x' || upper(lpad(to_hex(d.status), 4, '0')) END AS status_word,
       d.error_code, d.comment, d.attempts, d.commitment, d.changed_at,
       d.revision < s.revision AS superseded
FROM object_deliveries d JOIN studies s ON s.study_uid = d.study_uid;
"""


def upgrade() -> None:
    """Add the queue (procrastinate 3.10), the trigger and the views."""
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    raw.execute(SchemaManager.get_schema())
    for source, targets in _TRANSITIONS.items():
        for target in targets:
            op.execute(f"INSERT INTO study_transitions (from_state, to_state) VALUES ('{source}', '{target}')")
    raw.execute(_TRIGGER)
    raw.execute(_VIEWS)
    raw.execute("CREATE INDEX ix_procrastinate_jobs_study ON procrastinate_jobs ((args ->> 'study_uid')) "
                "WHERE status IN ('todo', 'doing')")


def downgrade() -> None:
    """Not offered: going back would lose the queue; restore a backup instead."""
    raise RuntimeError("the first versions of the schema cannot be undone; restore a backup")
