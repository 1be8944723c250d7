"""What the desk's tables must say, computed from the ledger's own tables in one query each."""

from __future__ import annotations

from typing import Any

import psycopg

_ROWS = """
    SELECT s.study_uid, s.first_image_at, s.calling_ae_title, s.state, l.category, l.revision, s.patient_id,
           s.accession_number, dicom_date(s.study_date), s.description, coalesce(l.modality, ''), l.l1_hu, l.mean_hu,
           l.vbq, l.reasons, l.models, s.failure_code,
           ARRAY(SELECT tag FROM study_tags t WHERE t.study_uid = s.study_uid ORDER BY tag COLLATE "C"),
           (SELECT count(*) FROM quarantine q JOIN instances i USING (sop_instance_uid)
            WHERE i.study_uid = s.study_uid AND q.sha256 <> i.sha256 AND q.state = 'HELD'
              AND q.code = 'INSTANCE_CONFLICT')
    FROM studies s JOIN screening_log l USING (study_uid) ORDER BY s.study_uid COLLATE "C"
"""
_KEPT = """
    SELECT study_uid, first_image_at, site, state, category, revision, patient_id, accession_number, study_date,
           description, modality, l1_hu, mean_hu, vbq, reasons, models, failure_code, tags, conflicts
    FROM desk_studies ORDER BY study_uid
"""
_TOLD = """
    SELECT s.study_uid, coalesce(max(r.revision) FILTER (WHERE r.reported_at IS NOT NULL), s.revision) AS revision
    FROM studies s LEFT JOIN revisions r USING (study_uid) GROUP BY s.study_uid
"""
_MARKS = f"""
    WITH told AS (SELECT t.study_uid, t.revision, coalesce(r.category, s.category) AS category FROM ({_TOLD}) t
                  JOIN studies s USING (study_uid)
                  LEFT JOIN revisions r ON r.study_uid = t.study_uid AND r.revision = t.revision)
    SELECT term, study_uid FROM (
        SELECT '' AS term, study_uid FROM studies
        UNION SELECT 'state:' || state, study_uid FROM studies
        UNION SELECT 'category:' || category, study_uid FROM told WHERE category IS NOT NULL
        UNION SELECT 'reason:' || code, study_uid FROM reasons JOIN told USING (study_uid, revision)
        UNION SELECT 'reason:' || failure_code, study_uid FROM studies WHERE failure_code IS NOT NULL
        UNION SELECT 'model:' || model_id, study_uid FROM scores JOIN told USING (study_uid, revision)
        UNION SELECT 'tag:' || tag, study_uid FROM study_tags
        UNION SELECT 'scanner:' || lower(name), study_uid
              FROM studies, unnest(ARRAY[manufacturer, scanner_model, station]) name WHERE name <> ''
        UNION SELECT 'pending:' || d.destination, s.study_uid FROM object_deliveries d JOIN studies s
              USING (study_uid, revision) WHERE d.state = 'PENDING' AND s.state = 'DELIVERING'
        UNION SELECT 'undelivered:' || d.destination, s.study_uid FROM object_deliveries d JOIN studies s
              USING (study_uid, revision) WHERE d.state IN ('FAILED', 'REFUSED')
    ) wanted ORDER BY term COLLATE "C", study_uid COLLATE "C"
"""
_MARKS_KEPT = "SELECT term, study_uid FROM desk_marks ORDER BY term, study_uid"
_MARKS_OF_OTHERS = """
    SELECT count(*) FROM desk_marks m LEFT JOIN studies s USING (study_uid)
    WHERE (m.site, m.first_image_at) IS DISTINCT FROM (s.calling_ae_title, s.first_image_at)
"""
_STATES = """
    SELECT first_image_at::date, calling_ae_title, state, count(*) FROM studies WHERE state <> 'RECEIVING'
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_STATES_KEPT = """
    SELECT day, site, state, n FROM desk_days,
    LATERAL (VALUES ('ANALYSING', analysing), ('REPORTING', reporting), ('DELIVERING', delivering), ('DONE', done),
                    ('FAILED', failed), ('CANCELLED', cancelled)) v(state, n) WHERE n <> 0 ORDER BY 1, 2, 3
"""
_FINISHED = """
    SELECT first_told::date, s.calling_ae_title, l.category, count(*) FROM studies s
    JOIN screening_log l USING (study_uid)
    JOIN (SELECT DISTINCT ON (study_uid) study_uid, reported_at AS first_told FROM revisions
          WHERE reported_at IS NOT NULL ORDER BY study_uid, revision) r USING (study_uid)
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_FINISHED_KEPT = """
    SELECT day, site, category, n FROM desk_days,
    LATERAL (VALUES ('LOW_BONE_DENSITY_SUSPECTED', suspected), ('INDETERMINATE', indeterminate), ('NO_FLAG', no_flag),
                    ('NOT_EVALUABLE', not_evaluable)) v(category, n) WHERE n <> 0 ORDER BY 1, 2, 3
"""
_TURNAROUNDS = """
    SELECT (SELECT coalesce(sum(n), 0) FROM desk_days, unnest(turnarounds) n),
           (SELECT count(DISTINCT study_uid) FROM revisions WHERE done_at IS NOT NULL)
"""


def assert_desk_is_true(url: str) -> None:
    """Assert that every table of the desk says what the ledger says."""
    with psycopg.connect(url) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()  # type: ignore[arg-type]

        assert rows(_KEPT) == rows(_ROWS)
        assert rows(_MARKS_KEPT) == rows(_MARKS)
        assert rows(_MARKS_OF_OTHERS) == [(0,)]
        assert rows(_STATES_KEPT) == rows(_STATES)
        assert rows(_FINISHED_KEPT) == rows(_FINISHED)
        ((kept, finished),) = rows(_TURNAROUNDS)
        assert kept == finished
