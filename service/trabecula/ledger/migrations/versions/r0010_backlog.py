"""Version 0010: jobs wait in the ledger's backlog, in lanes; the queue holds only what a worker has taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TURNS = {"cpu": 4, "io": 5}
"""How many ranks each queue has; whose turn it is within a rank lies in a sequence, which leaves no dead rows."""

_PUT = """
CREATE FUNCTION backlog_put(
    _queue text, _rank bigint, _ordered_by text,
    _stage text, _study_uid text, _revision bigint, _destination text, _lock text, _delay_s double precision
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _site text;
    _class bigint;
    _frozen_at timestamptz;
    _lane text;
    _lane_id bigint;
    _due_at timestamptz;
BEGIN
    IF EXISTS (SELECT FROM backlog WHERE lock = _lock)
       OR EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = _lock AND status = 'todo') THEN
        RETURN false;
    END IF;
    SELECT s.calling_ae_title, array_position(ARRAY['URGENT', 'ROUTINE', 'BULK'], coalesce(s.priority, 'ROUTINE')) - 1,
           r.frozen_at
    INTO _site, _class, _frozen_at
    FROM studies s LEFT JOIN revisions r ON r.study_uid = s.study_uid AND r.revision = _revision
    WHERE s.study_uid = _study_uid;
    IF _ordered_by = 'priority' THEN
        _rank := _rank + coalesce(_class, 1);
    END IF;
    _lane := CASE WHEN _destination <> '' THEN _destination WHEN _ordered_by = '' THEN '' ELSE coalesce(_site, '') END;
    _due_at := CASE WHEN _delay_s > 0 THEN clock_timestamp() + make_interval(secs => _delay_s)
                    ELSE least(_frozen_at, clock_timestamp()) END;
    LOOP  -- until the lane is there and stays: an unused one is removed now and then
        SELECT id INTO _lane_id FROM backlog_lanes WHERE queue = _queue AND rank = _rank AND name = _lane FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO backlog_lanes (queue, rank, name, is_destination)
        VALUES (_queue, _rank, _lane, _destination <> '') ON CONFLICT DO NOTHING;
    END LOOP;
    INSERT INTO backlog (lane_id, due_at, stage, study_uid, revision, destination, lock)
    VALUES (_lane_id, _due_at, _stage, _study_uid, _revision, _destination, _lock) ON CONFLICT (lock) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF _delay_s <= 0 THEN
        PERFORM pg_notify('procrastinate_queue_v1#' || _queue, '{"type": "job_inserted", "job_id": 0}');
    END IF;
    RETURN true;
END $$
"""

_TAKE = """
CREATE FUNCTION backlog_take(_queue text, _worker_id bigint, _per_destination bigint)
RETURNS procrastinate_jobs LANGUAGE plpgsql AS $$
DECLARE
    _job procrastinate_jobs;
    _rank bigint;
    _lane backlog_lanes;
    _item backlog;
    _turn regclass;
BEGIN
    -- A take that a crash of the database undoes never was: the job waits as before. What follows it is synced as usual.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_advisory_xact_lock(724385191, hashtext(_queue));  -- one at a time chooses; the others wait for it
    IF EXISTS (SELECT FROM pauses WHERE queue = _queue AND destination = '') THEN
        RETURN NULL;
    END IF;
    LOOP  -- what was taken before and waits again (its worker died, its database was away) goes first
        _job := procrastinate_fetch_job_v2(ARRAY[_queue], _worker_id);
        EXIT WHEN _job.id IS NULL;
        IF NOT EXISTS (SELECT FROM pauses WHERE destination <> '' AND destination = _job.args ->> 'destination') THEN
            RETURN _job;
        END IF;
        PERFORM backlog_put(_queue, -_job.priority, 'rank', substr(_job.task_name, 11), _job.args ->> 'study_uid',
                            (_job.args ->> 'revision')::bigint, _job.args ->> 'destination', _job.lock, 0);
        DELETE FROM procrastinate_jobs WHERE id = _job.id;
    END LOOP;
    FOR _rank IN SELECT DISTINCT rank FROM backlog_lanes WHERE queue = _queue ORDER BY rank LOOP
        _turn := ('backlog_turn_' || _queue || '_' || _rank)::regclass;
        FOR _lane IN
            SELECT * FROM backlog_lanes
            WHERE queue = _queue AND rank = _rank
            ORDER BY id <= coalesce(pg_sequence_last_value(_turn), 0), id
        LOOP
            CONTINUE WHEN _lane.is_destination AND EXISTS (SELECT FROM pauses WHERE destination = _lane.name);
            SELECT * INTO _item FROM backlog b
            WHERE b.lane_id = _lane.id AND b.due_at <= clock_timestamp()
              AND NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.lock = b.lock AND j.status = 'doing')
            ORDER BY b.due_at, b.id LIMIT 1 FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND;
            CONTINUE WHEN _lane.is_destination AND _per_destination <= (
                SELECT count(*) FROM procrastinate_jobs
                WHERE worker_id = _worker_id AND status = 'doing' AND args ->> 'destination' = _lane.name);
            DELETE FROM backlog WHERE id = _item.id;
            PERFORM setval(_turn, _lane.id);
            INSERT INTO procrastinate_jobs
                (queue_name, task_name, priority, lock, queueing_lock, args, status, worker_id)
            VALUES
                (_queue, 'trabecula.' || _item.stage, -_rank, _item.lock, _item.lock,
                 jsonb_build_object('study_uid', _item.study_uid, 'revision', _item.revision,
                                    'destination', _item.destination),
                 'doing', _worker_id)
            RETURNING * INTO _job;
            INSERT INTO procrastinate_events (job_id, type) VALUES (_job.id, 'started');
            RETURN _job;
        END LOOP;
    END LOOP;
    RETURN NULL;
END $$
"""

_DROP_LANES = """
CREATE FUNCTION backlog_drop_unused_lanes() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _id bigint;
BEGIN
    FOR _id IN
        SELECT l.id FROM backlog_lanes l
        WHERE NOT EXISTS (SELECT FROM backlog b WHERE b.lane_id = l.id) FOR UPDATE SKIP LOCKED
    LOOP
        BEGIN
            DELETE FROM backlog_lanes WHERE id = _id;
        EXCEPTION WHEN foreign_key_violation THEN  -- a job has come meanwhile
            NULL;
        END;
    END LOOP;
END $$
"""

_MOVE_WAITING = """
WITH gone AS (
    DELETE FROM procrastinate_jobs
    WHERE status = 'todo' AND queue_name IN ('cpu', 'io') AND task_name LIKE 'trabecula.%' RETURNING *)
SELECT backlog_put(queue_name::text, CASE task_name WHEN 'trabecula.analyse' THEN 1 WHEN 'trabecula.deliver' THEN 1
                                     WHEN 'trabecula.confirm' THEN 4 ELSE 0 END,
                   CASE WHEN task_name IN ('trabecula.analyse', 'trabecula.deliver') THEN 'priority'
                        WHEN task_name = 'trabecula.settle' THEN '' ELSE 'rank' END,
                   substr(task_name, 11), args ->> 'study_uid', (args ->> 'revision')::bigint,
                   coalesce(args ->> 'destination', ''), lock,
                   greatest(0, coalesce(extract(epoch FROM scheduled_at - clock_timestamp()), 0))::double precision)
FROM gone
"""


def upgrade() -> None:
    """Add the backlog, its lanes, pauses and priorities; what waits in the queue goes to the backlog."""
    op.add_column("studies", sa.Column("priority", sa.Text(), nullable=True))
    op.create_check_constraint(op.f("ck_studies_priority"), "studies", "priority IN ('URGENT', 'ROUTINE', 'BULK')")
    op.create_table(
        "backlog_lanes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_destination", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backlog_lanes")),
        sa.UniqueConstraint("queue", "rank", "name", name=op.f("uq_backlog_lanes_queue_rank_name")),
    )
    op.create_table(
        "backlog",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("lane_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("study_uid", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("lock", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["lane_id"], ["backlog_lanes.id"], name=op.f("fk_backlog_lane_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backlog")),
        sa.UniqueConstraint("lock", name=op.f("uq_backlog_lock")),
    )
    op.create_index(op.f("ix_backlog_lane_id_due_at_id"), "backlog", ["lane_id", "due_at", "id"])
    op.create_index(op.f("ix_backlog_study_uid"), "backlog", ["study_uid"])
    op.create_table(
        "pauses",
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("paused_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("queue", "destination", name=op.f("pk_pauses")),
    )
    for queue, ranks in _TURNS.items():
        for rank in range(ranks):
            op.execute(f"CREATE SEQUENCE backlog_turn_{queue}_{rank}")
    raw = op.get_bind().connection.driver_connection
    assert raw is not None
    raw.execute(_PUT)
    raw.execute(_TAKE)
    raw.execute(_DROP_LANES)
    # Rows come and go: vacuum looks at what went, not at how much stays.
    raw.execute("ALTER TABLE backlog SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000)")
    raw.execute(
        "ALTER TABLE procrastinate_jobs SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)"
    )
    raw.execute(_MOVE_WAITING)


def downgrade() -> None:
    """Not offered: going back would lose what waits; restore a backup instead."""
    raise RuntimeError("this version of the schema cannot be undone; restore a backup")
