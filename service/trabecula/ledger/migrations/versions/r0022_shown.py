"""Version 0022: what is shown of a study is its last reported revision, and a study counts when it is reported."""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SHOWN = """
CREATE VIEW shown_studies AS
SELECT s.study_uid, coalesce(told.revision, s.revision) AS revision, s.state,
       CASE WHEN told.revision IS NULL THEN s.category ELSE told.category END AS category,
       s.accession_number, s.patient_id, s.patient_id_issuer, s.sex, s.birth_date, s.study_date, s.description,
       s.manufacturer, s.scanner_model, s.station, s.calling_ae_title, s.first_image_at, s.last_image_at,
       s.failed_stage, s.failure_code, s.failure_sentence, s.failure_next_step
FROM studies s
LEFT JOIN LATERAL (
    SELECT r.revision, r.category FROM revisions r
    WHERE r.study_uid = s.study_uid AND r.reported_at IS NOT NULL ORDER BY r.revision DESC LIMIT 1) AS told ON true;
"""
"""The newest revision that has a report, else the newest: a result that was sent stays until another one is made."""

_LOG = r"""
CREATE OR REPLACE VIEW screening_log AS
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
FROM shown_studies s
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
CREATE OR REPLACE VIEW screening_scores AS
SELECT s.study_uid, s.revision, s.category, c.model_id AS model, c.model_version, c.endpoint, c.active, c.applicable,
       c.demonstration, c.probability AS score, c.threshold, c.operating_point, c.positive
FROM shown_studies s JOIN scores c ON c.study_uid = s.study_uid AND c.revision = s.revision;
"""

_LEVELS = """
CREATE OR REPLACE VIEW screening_levels AS
SELECT s.study_uid, s.revision, s.category, l.level, l.evaluable, l.quality,
       ARRAY(SELECT DISTINCT code FROM reasons q
             WHERE q.study_uid = l.study_uid AND q.revision = l.revision AND q.level = l.level ORDER BY 1) AS reasons,
       m.concept, m.meaning, m.derivation, m.value, m.unit, m.method, m.series_uid
FROM shown_studies s
JOIN levels l ON l.study_uid = s.study_uid AND l.revision = s.revision
LEFT JOIN measurements m ON m.study_uid = l.study_uid AND m.revision = l.revision AND m.level = l.level;
"""

_COUNT = """
CREATE OR REPLACE FUNCTION desk_count(_day date, _site text, _state text, _category text, _turnaround integer, _n integer)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO desk_days (day, site) VALUES (_day, _site) ON CONFLICT DO NOTHING;
    IF _state IS NOT NULL THEN
        UPDATE desk_days
        SET analysing = analysing + CASE _state WHEN 'ANALYSING' THEN _n ELSE 0 END,
            reporting = reporting + CASE _state WHEN 'REPORTING' THEN _n ELSE 0 END,
            delivering = delivering + CASE _state WHEN 'DELIVERING' THEN _n ELSE 0 END,
            done = done + CASE _state WHEN 'DONE' THEN _n ELSE 0 END,
            failed = failed + CASE _state WHEN 'FAILED' THEN _n ELSE 0 END,
            cancelled = cancelled + CASE _state WHEN 'CANCELLED' THEN _n ELSE 0 END
        WHERE day = _day AND site = _site;
    ELSE
        UPDATE desk_days
        SET suspected = suspected + CASE _category WHEN 'LOW_BONE_DENSITY_SUSPECTED' THEN _n ELSE 0 END,
            indeterminate = indeterminate + CASE _category WHEN 'INDETERMINATE' THEN _n ELSE 0 END,
            no_flag = no_flag + CASE _category WHEN 'NO_FLAG' THEN _n ELSE 0 END,
            not_evaluable = not_evaluable + CASE _category WHEN 'NOT_EVALUABLE' THEN _n ELSE 0 END
        WHERE day = _day AND site = _site;
        IF _turnaround IS NOT NULL THEN
            UPDATE desk_days SET turnarounds[_turnaround] = turnarounds[_turnaround] + _n
            WHERE day = _day AND site = _site;
        END IF;
    END IF;
END $$
"""

_REFRESH = """
CREATE OR REPLACE FUNCTION desk_refresh(_study_uid text, _result boolean, _conflicts boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _was desk_studies;
    _is desk_studies;
    _study studies;
    _shown record;
    _first record;
BEGIN
    INSERT INTO desk_studies (study_uid, first_image_at, site)
    SELECT study_uid, first_image_at, calling_ae_title FROM studies WHERE study_uid = _study_uid ON CONFLICT DO NOTHING;
    SELECT * INTO _was FROM desk_studies WHERE study_uid = _study_uid FOR NO KEY UPDATE;
    SELECT * INTO _study FROM studies WHERE study_uid = _study_uid;  -- after the lock: what others have committed
    IF _study.study_uid IS NULL THEN
        RETURN;
    END IF;
    _is := _was;
    _is.first_image_at := _study.first_image_at;
    _is.site := _study.calling_ae_title;
    _is.state := _study.state;
    SELECT revision, category INTO _shown FROM shown_studies WHERE study_uid = _study_uid;
    _is.category := _shown.category;
    _is.revision := _shown.revision;
    _is.patient_id := _study.patient_id;
    _is.patient_key := lower(_study.patient_id);
    _is.accession_number := _study.accession_number;
    _is.accession_key := lower(_study.accession_number);
    _is.study_date := dicom_date(_study.study_date);
    _is.description := _study.description;
    _is.scanner := concat_ws(' ', nullif(_study.manufacturer, ''), nullif(_study.scanner_model, ''),
                             nullif(_study.station, ''));
    _is.failure_code := _study.failure_code;
    IF _result OR _was.state = '' THEN
        SELECT coalesce(l.modality, ''), l.l1_hu, l.mean_hu, l.vbq, l.reasons, l.models
        INTO _is.modality, _is.l1_hu, _is.mean_hu, _is.vbq, _is.reasons, _is.models
        FROM screening_log l WHERE l.study_uid = _study_uid;
    END IF;
    IF _conflicts OR _was.state = '' THEN
        _is.conflicts := (
            SELECT count(*) FROM instances i JOIN quarantine q ON q.sop_instance_uid = i.sop_instance_uid
            WHERE i.study_uid = _study_uid AND q.state = 'HELD' AND q.code = 'INSTANCE_CONFLICT'
              AND q.sha256 <> i.sha256);
    END IF;
    _is.tags := ARRAY(SELECT tag FROM study_tags WHERE study_uid = _study_uid ORDER BY tag);
    IF _was.finished_at IS NULL THEN
        SELECT r.reported_at INTO _is.finished_at
        FROM revisions r WHERE r.study_uid = _study_uid AND r.reported_at IS NOT NULL ORDER BY r.revision LIMIT 1;
    END IF;
    IF _was.turnaround IS NULL THEN
        SELECT r.done_at, least(_study.last_image_at, r.frozen_at) AS since INTO _first
        FROM revisions r WHERE r.study_uid = _study_uid AND r.done_at IS NOT NULL ORDER BY r.revision LIMIT 1;
        IF FOUND THEN
            _is.turnaround := least(96, 1 + floor(
                ln(greatest(1, extract(epoch FROM _first.done_at - _first.since))) / ln(1.15)));
        END IF;
    END IF;
    _is.finished_category := CASE WHEN _is.finished_at IS NOT NULL THEN _shown.category END;
    _is.terms := desk_terms(_study, _is);
    IF _is IS NOT DISTINCT FROM _was THEN
        RETURN;
    END IF;
    UPDATE desk_studies SET
        (first_image_at, site, state, category, revision, patient_id, patient_key, accession_number, accession_key,
         study_date, description, scanner, modality, l1_hu, mean_hu, vbq, failure_code, conflicts, reasons, models,
         tags, terms, finished_at, finished_category, turnaround)
        = (_is.first_image_at, _is.site, _is.state, _is.category, _is.revision, _is.patient_id, _is.patient_key,
           _is.accession_number, _is.accession_key, _is.study_date, _is.description, _is.scanner,
           _is.modality, _is.l1_hu, _is.mean_hu, _is.vbq, _is.failure_code, _is.conflicts, _is.reasons,
           _is.models, _is.tags, _is.terms, _is.finished_at, _is.finished_category, _is.turnaround)
    WHERE study_uid = _study_uid;
    PERFORM desk_mark(_was, _is);
    PERFORM desk_count_change(_was, _is);
END $$
"""

_TERMS = """
CREATE OR REPLACE FUNCTION desk_terms(_study studies, _is desk_studies) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(term COLLATE "C" ORDER BY term COLLATE "C") FROM (
        SELECT '' AS term
        UNION SELECT 'state:' || _study.state
        UNION SELECT 'category:' || _is.category WHERE _is.category IS NOT NULL
        UNION SELECT 'reason:' || code FROM unnest(_is.reasons || _study.failure_code) code WHERE code IS NOT NULL
        UNION SELECT 'model:' || model FROM unnest(_is.models) model
        UNION SELECT 'tag:' || tag FROM unnest(_is.tags) tag
        UNION SELECT 'scanner:' || lower(name)
              FROM unnest(ARRAY[_study.manufacturer, _study.scanner_model, _study.station]) name WHERE name <> ''
        UNION SELECT CASE state WHEN 'PENDING' THEN 'pending:' ELSE 'undelivered:' END || destination
              FROM object_deliveries d
              WHERE d.study_uid = _study.study_uid AND d.revision = _study.revision
                AND (d.state IN ('FAILED', 'REFUSED') OR (d.state = 'PENDING' AND _study.state = 'DELIVERING'))
    ) AS found
$$
"""

_COUNT_CHANGE = """
CREATE OR REPLACE FUNCTION desk_count_change(_was desk_studies, _is desk_studies) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (_was.first_image_at::date, _was.site, _was.state) IS DISTINCT FROM
       (_is.first_image_at::date, _is.site, _is.state) THEN
        IF _was.state NOT IN ('', 'RECEIVING') THEN
            PERFORM desk_count(_was.first_image_at::date, _was.site, _was.state, NULL, NULL, -1);
        END IF;
        IF _is.state NOT IN ('', 'RECEIVING') THEN
            PERFORM desk_count(_is.first_image_at::date, _is.site, _is.state, NULL, NULL, 1);
        END IF;
    END IF;
    IF (_was.finished_at::date, _was.site, _was.finished_category, _was.turnaround) IS DISTINCT FROM
       (_is.finished_at::date, _is.site, _is.finished_category, _is.turnaround) THEN
        IF _was.finished_at IS NOT NULL THEN
            PERFORM desk_count(_was.finished_at::date, _was.site, NULL, _was.finished_category, _was.turnaround, -1);
        END IF;
        IF _is.finished_at IS NOT NULL THEN
            PERFORM desk_count(_is.finished_at::date, _is.site, NULL, _is.finished_category, _is.turnaround, 1);
        END IF;
    END IF;
END $$
"""


def upgrade() -> None:
    """Replace views and functions; rows of the desk are made anew in small batches where there are studies."""
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    for statement in (_SHOWN, _LOG, _SCORES, _LEVELS, _COUNT, _COUNT_CHANGE, _TERMS, _REFRESH):
        raw.execute(statement)
    raw.execute("DROP TRIGGER desk_result ON revisions")
    raw.execute(
        "CREATE CONSTRAINT TRIGGER desk_result AFTER UPDATE OF result, recall, reported_at, done_at ON revisions "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION desk_touched('result')"
    )
    raw.execute("UPDATE desk_backfill SET before_uid = NULL, ended_at = NULL WHERE EXISTS (SELECT FROM studies)")


def downgrade() -> None:
    """Not offered: days would count what was reported as finished; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
