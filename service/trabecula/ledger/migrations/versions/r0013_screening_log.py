"""Version 0013: the views an admin asks have values, person and next attempt; dates are dates; one row a score."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_DAY = r"""
CREATE FUNCTION dicom_date(written text) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
  SELECT CASE WHEN digits ~ '^[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])$'
               AND substr(digits, 1, 4) <> '0000'
               AND substr(digits, 7, 2)::integer <= date_part('day', make_date(substr(digits, 1, 4)::integer,
                     substr(digits, 5, 2)::integer, 1) + interval '1 month' - interval '1 day')
         THEN make_date(substr(digits, 1, 4)::integer, substr(digits, 5, 2)::integer, substr(digits, 7, 2)::integer)
         END
  FROM (SELECT regexp_replace(written, '[-./ ]', '', 'g') AS digits) AS bare);
COMMENT ON FUNCTION dicom_date IS 'A DICOM date (DA, or with separators) as a date; null where it is none.';
"""

_LOG = r"""
DROP VIEW screening_log;
CREATE VIEW screening_log AS
SELECT s.study_uid, s.revision, s.state, s.category,
       s.accession_number, s.patient_id, s.patient_id_issuer, s.sex, dicom_date(s.birth_date) AS birth_date,
       date_part('year', age(dicom_date(s.study_date), dicom_date(s.birth_date)))::integer AS age_years,
       dicom_date(s.study_date) AS study_date, s.description,
       coalesce(measured.modality, received.modality) AS modality,
       round(ct.l1_hu::numeric, 2)::double precision AS l1_hu,
       round(ct.mean_hu::numeric, 2)::double precision AS mean_hu, mr.vbq,
       score.model_id AS model, score.probability AS score, score.positive AS score_positive,
       s.manufacturer, s.scanner_model, s.station, s.calling_ae_title,
       s.first_image_at AS received_at, s.last_image_at, r.frozen_at, r.analysed_at, r.reported_at, r.done_at,
       (SELECT count(*) FROM instances i WHERE i.study_uid = s.study_uid) AS instances,
       r.refused,
       ARRAY(SELECT DISTINCT code FROM reasons q WHERE q.study_uid = s.study_uid AND q.revision = s.revision ORDER BY 1)
           AS reasons,
       ARRAY(SELECT DISTINCT model_id FROM scores c WHERE c.study_uid = s.study_uid AND c.revision = s.revision ORDER BY 1)
           AS models,
       (SELECT min(d.next_attempt_at) FROM object_deliveries d
        WHERE d.study_uid = s.study_uid AND d.revision = s.revision AND d.state = 'PENDING') AS next_attempt_at,
       s.failed_stage, s.failure_code, s.failure_sentence, s.failure_next_step
FROM studies s
LEFT JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = s.revision
LEFT JOIN LATERAL (
    SELECT coalesce((r.result #>> '{scale,factor}')::double precision, 1) AS factor,
           coalesce((r.result #>> '{scale,offset}')::double precision, 0) AS shift) AS scale ON true
LEFT JOIN LATERAL (
    SELECT max(m.value) FILTER (WHERE m.method = 'trab_v1 L1') * scale.factor - scale.shift AS l1_hu,
           max(m.value) FILTER (WHERE m.method = 'trab_v1 L1-L4') * scale.factor - scale.shift AS mean_hu
    FROM measurements m
    WHERE m.study_uid = s.study_uid AND m.revision = s.revision AND m.level = '' AND m.concept = '112031'
      AND s.category <> 'NOT_EVALUABLE') AS ct ON true
LEFT JOIN LATERAL (
    SELECT max(m.value) AS vbq FROM measurements m
    WHERE m.study_uid = s.study_uid AND m.revision = s.revision AND m.level = '' AND m.concept = 'VBQ'
      AND m.method LIKE 'vbq\_v1:%' AND s.category <> 'NOT_EVALUABLE') AS mr ON true
LEFT JOIN LATERAL (
    SELECT c.model_id, c.probability, c.positive FROM scores c
    WHERE c.study_uid = s.study_uid AND c.revision = s.revision AND c.active AND c.applicable
    ORDER BY c.demonstration, c.model_id LIMIT 1) AS score ON true
LEFT JOIN LATERAL (
    SELECT source ->> 'modality' AS modality FROM jsonb_array_elements(coalesce(r.result -> 'sources', '[]'::jsonb)) AS source
    WHERE source ->> 'series_uid' = r.result ->> 'primary' LIMIT 1) AS measured ON true
LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT e.modality, ' ' ORDER BY e.modality) AS modality FROM series e
    WHERE e.study_uid = s.study_uid AND e.modality <> '') AS received ON true;
"""

_SCORES = """
CREATE VIEW screening_scores AS
SELECT s.study_uid, s.revision, s.category, c.model_id AS model, c.model_version, c.endpoint, c.active, c.applicable,
       c.demonstration, c.probability AS score, c.threshold, c.operating_point, c.positive
FROM studies s JOIN scores c ON c.study_uid = s.study_uid AND c.revision = s.revision;
"""


def upgrade() -> None:
    """Replace the log and add the scores; no row changes."""
    op.execute(_DAY)
    op.execute(_LOG)
    op.execute(_SCORES)


def downgrade() -> None:
    """Not offered: the log's former columns are gone; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
