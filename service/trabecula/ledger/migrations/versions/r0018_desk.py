"""Version 0018: what the desk reads: one flat row and some marks a study, figures a day, tags, bulk actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None

_NOW = sa.text("clock_timestamp()")
_ZERO = sa.text("0")
_EMPTY = sa.text("''")
_NONE = sa.text("'{}'::text[]")
_TIME = sa.DateTime(timezone=True)
_C = sa.Text(collation="C")
_STUDY = "studies.study_uid"

_COUNT = """
CREATE FUNCTION desk_count(_day date, _site text, _state text, _category text, _turnaround integer, _n integer)
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
            not_evaluable = not_evaluable + CASE _category WHEN 'NOT_EVALUABLE' THEN _n ELSE 0 END,
            turnarounds[_turnaround] = turnarounds[_turnaround] + _n
        WHERE day = _day AND site = _site;
    END IF;
END $$
"""

_REFRESH = """
CREATE FUNCTION desk_refresh(_study_uid text, _result boolean, _conflicts boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _was desk_studies;
    _is desk_studies;
    _study studies;
    _done record;
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
    _is.category := _study.category;
    _is.revision := _study.revision;
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
    SELECT r.done_at, least(_study.last_image_at, r.frozen_at) AS since INTO _done
    FROM revisions r WHERE r.study_uid = _study_uid AND r.done_at IS NOT NULL ORDER BY r.revision LIMIT 1;
    IF _was.finished_at IS NULL AND _done.done_at IS NOT NULL THEN
        _is.finished_at := _done.done_at;
        _is.turnaround := least(96, 1 + floor(
            ln(greatest(1, extract(epoch FROM _done.done_at - _done.since))) / ln(1.15)));
    END IF;
    _is.finished_category := CASE WHEN _is.finished_at IS NOT NULL THEN _study.category END;
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
CREATE FUNCTION desk_terms(_study studies, _is desk_studies) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(term COLLATE "C" ORDER BY term COLLATE "C") FROM (
        SELECT '' AS term
        UNION SELECT 'state:' || _study.state
        UNION SELECT 'category:' || _study.category WHERE _study.category IS NOT NULL
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

_MARK = """
CREATE FUNCTION desk_mark(_was desk_studies, _is desk_studies) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _moved boolean := (_was.first_image_at, _was.site) IS DISTINCT FROM (_is.first_image_at, _is.site);
BEGIN
    DELETE FROM desk_marks m USING unnest(_was.terms) AS old(term)
    WHERE m.term = old.term AND m.first_image_at = _was.first_image_at AND m.study_uid = _was.study_uid
      AND (_moved OR old.term <> ALL (_is.terms));
    INSERT INTO desk_marks (term, site, first_image_at, study_uid)
    SELECT term, _is.site, _is.first_image_at, _is.study_uid FROM unnest(_is.terms) AS new(term)
    WHERE _moved OR term <> ALL (_was.terms);
END $$
"""

_COUNT_CHANGE = """
CREATE FUNCTION desk_count_change(_was desk_studies, _is desk_studies) RETURNS void LANGUAGE plpgsql AS $$
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
    IF (_was.finished_at::date, _was.site, _was.finished_category) IS DISTINCT FROM
       (_is.finished_at::date, _is.site, _is.finished_category) THEN
        IF _was.finished_at IS NOT NULL THEN
            PERFORM desk_count(_was.finished_at::date, _was.site, NULL, _was.finished_category, _was.turnaround, -1);
        END IF;
        IF _is.finished_at IS NOT NULL THEN
            PERFORM desk_count(_is.finished_at::date, _is.site, NULL, _is.finished_category, _is.turnaround, 1);
        END IF;
    END IF;
END $$
"""

_TOUCHED = """
CREATE FUNCTION desk_touched() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _uid text;
    _result boolean := TG_ARGV[0] = 'result';
    _conflicts boolean := TG_ARGV[0] = 'conflicts';
    _seen text[] := string_to_array(coalesce(current_setting('trabecula.desk_refreshed', true), ''), ' ');
BEGIN
    IF _conflicts THEN  -- of the study that has the image, whatever study the held copy names
        SELECT study_uid INTO _uid FROM instances
        WHERE sop_instance_uid = CASE TG_OP WHEN 'DELETE' THEN OLD.sop_instance_uid ELSE NEW.sop_instance_uid END;
    ELSE
        _uid := CASE TG_OP WHEN 'DELETE' THEN OLD.study_uid ELSE NEW.study_uid END;
    END IF;
    IF _uid IS NULL OR (_seen[1] = _uid AND (NOT _result OR _seen[2] = 't') AND (NOT _conflicts OR _seen[3] = 't')) THEN
        RETURN NULL;
    END IF;
    PERFORM desk_refresh(_uid, _result, _conflicts);
    PERFORM set_config('trabecula.desk_refreshed', concat_ws(' ', _uid, _result, _conflicts), true);
    RETURN NULL;
END $$
"""
"""Triggers run at the end of a transaction, when all it changes is there, so the same study need not be looked at
twice in a row; what has been looked at is remembered until the transaction ends."""

_FORGOTTEN = """
CREATE FUNCTION desk_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM desk_marks m USING unnest(OLD.terms) AS gone(term)
    WHERE m.term = gone.term AND m.first_image_at = OLD.first_image_at AND m.study_uid = OLD.study_uid;
    IF OLD.state NOT IN ('', 'RECEIVING') THEN
        PERFORM desk_count(OLD.first_image_at::date, OLD.site, OLD.state, NULL, NULL, -1);
    END IF;
    IF OLD.finished_at IS NOT NULL THEN
        PERFORM desk_count(OLD.finished_at::date, OLD.site, NULL, OLD.finished_category, OLD.turnaround, -1);
    END IF;
    RETURN NULL;
END $$
"""

_SHOWN = (
    "state", "failure_code", "first_image_at", "calling_ae_title", "patient_id", "accession_number", "study_date",
    "description", "manufacturer", "scanner_model", "station",
)  # fmt: skip


def _differ(*columns: str) -> str:
    old, new = (", ".join(f"{side}.{name}" for name in columns) for side in ("OLD", "NEW"))
    return f"WHEN (({old}) IS DISTINCT FROM ({new}))"


_TRIGGERS = (
    ("desk_added", "INSERT ON studies", "", "study"),
    ("desk_changed", "UPDATE ON studies", _differ(*_SHOWN), "study"),
    ("desk_revised", "UPDATE ON studies", _differ("revision", "category"), "result"),
    ("desk_result", "UPDATE OF result, recall, done_at ON revisions", "", "result"),
    ("desk_modality", "UPDATE ON series", _differ("modality"), "result"),
    ("desk_planned", "INSERT OR DELETE ON object_deliveries", "", "study"),
    ("desk_delivered", "UPDATE ON object_deliveries", _differ("state"), "study"),
    ("desk_tagged", "INSERT OR DELETE ON study_tags", "", "study"),
    ("desk_held", "INSERT OR DELETE ON quarantine", "", "conflicts"),
    ("desk_released", "UPDATE ON quarantine", _differ("state", "sha256"), "conflicts"),
    ("desk_copy", "UPDATE ON instances", _differ("sha256"), "conflicts"),
)


def _tables_of_studies() -> None:
    op.create_table(
        "study_tags",
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("tag", _C, nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", _TIME, server_default=_NOW, nullable=False),
        sa.ForeignKeyConstraint(["study_uid"], [_STUDY], name=op.f("fk_study_tags_study_uid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_uid", "tag", name=op.f("pk_study_tags")),
    )
    texts = ("site", "state", "modality", "patient_id", "patient_key", "accession_number", "accession_key",
             "description", "scanner")  # fmt: skip
    lists = ("reasons", "models", "tags", "terms")
    op.create_table(
        "desk_studies",
        sa.Column("study_uid", _C, nullable=False),
        sa.Column("first_image_at", _TIME, nullable=False),
        *(sa.Column(name, _C, server_default=_EMPTY, nullable=False) for name in texts),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("study_date", sa.Date(), nullable=True),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("l1_hu", "mean_hu", "vbq")),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("conflicts", sa.BigInteger(), server_default=_ZERO, nullable=False),
        *(sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=_NONE, nullable=False) for name in lists),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.Column("finished_category", sa.Text(), nullable=True),
        sa.Column("turnaround", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["study_uid"], [_STUDY], name=op.f("fk_desk_studies_study_uid"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("study_uid", name=op.f("pk_desk_studies")),
    )
    for name in ("patient_key", "accession_key"):
        op.create_index(op.f(f"ix_desk_studies_{name}"), "desk_studies", [name])
    op.create_table(
        "desk_marks",
        sa.Column("term", _C, nullable=False),
        sa.Column("site", _C, nullable=False),
        sa.Column("first_image_at", _TIME, nullable=False),
        sa.Column("study_uid", _C, nullable=False),
        sa.PrimaryKeyConstraint("term", "first_image_at", "study_uid", name=op.f("pk_desk_marks")),
    )
    op.create_index(
        op.f("ix_desk_marks_term_site_first_image_at_study_uid"),
        "desk_marks",
        ["term", "site", "first_image_at", "study_uid"],
    )


def _tables_of_figures() -> None:
    counts = ("analysing", "reporting", "delivering", "done", "failed", "cancelled", "suspected", "indeterminate",
              "no_flag", "not_evaluable")  # fmt: skip
    op.create_table(
        "desk_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("site", _C, nullable=False),
        *(sa.Column(name, sa.BigInteger(), server_default=_ZERO, nullable=False) for name in counts),
        sa.Column(
            "turnarounds",
            postgresql.ARRAY(sa.BigInteger()),
            server_default=sa.text("array_fill(0::bigint, ARRAY[96])"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("day", "site", name=op.f("pk_desk_days")),
    )
    op.create_table(
        "desk_backfill",
        sa.Column("one", sa.BigInteger(), autoincrement=False, server_default=sa.text("1"), nullable=False),
        sa.Column("before_uid", _C, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.CheckConstraint("one = 1", name=op.f("ck_desk_backfill_single_row")),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_desk_backfill")),
    )


def _tables_of_actions() -> None:
    op.create_table(
        "bulk_actions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("argument", sa.Text(), server_default=_EMPTY, nullable=False),
        sa.Column("wanted", postgresql.JSONB(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'OPEN'"), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=True),
        sa.Column("begun_at", _TIME, server_default=_NOW, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("after_at", _TIME, nullable=True),
        sa.Column("after_uid", _C, nullable=True),
        sa.Column("done", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("refused", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.CheckConstraint("state IN ('OPEN', 'ENDED', 'STOPPED')", name=op.f("ck_bulk_actions_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_actions")),
    )
    op.create_index(
        op.f("ix_bulk_actions_state"), "bulk_actions", ["state"], postgresql_where=sa.text("state = 'OPEN'")
    )
    op.create_table(
        "bulk_outcomes",
        sa.Column("bulk_id", sa.BigInteger(), nullable=False),
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bulk_id"], ["bulk_actions.id"], name=op.f("fk_bulk_outcomes_bulk_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("bulk_id", "study_uid", name=op.f("pk_bulk_outcomes")),
    )


def upgrade() -> None:
    """Add the tables and the triggers that keep them; studies that are here already are filled in in small batches."""
    _tables_of_studies()
    _tables_of_figures()
    _tables_of_actions()
    op.create_index(
        op.f("ix_object_deliveries_destination_state_changed_at"),
        "object_deliveries",
        ["destination", "state", "changed_at"],
    )
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    for function in (_COUNT, _TERMS, _MARK, _COUNT_CHANGE, _REFRESH, _TOUCHED, _FORGOTTEN):
        raw.execute(function)
    for name, event, condition, argument in _TRIGGERS:
        raw.execute(
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {event} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {condition} "
            f"EXECUTE FUNCTION desk_touched('{argument}')"
        )
    raw.execute(
        "CREATE TRIGGER desk_forgotten AFTER DELETE ON desk_studies FOR EACH ROW EXECUTE FUNCTION desk_forgotten()"
    )
    raw.execute(
        "INSERT INTO desk_backfill (ended_at) SELECT CASE WHEN NOT EXISTS (SELECT FROM studies) THEN clock_timestamp() END"
    )
    for table in ("desk_studies", "desk_marks", "desk_days"):  # rows change: vacuum looks at what changed
        raw.execute(f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02)")


def downgrade() -> None:
    """Not offered: tags and recorded actions would be lost; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
