"""``python -m bench.desk.seed``: fill an empty ledger with studies as three years of 50 sites leave them.

States, answers, reasons, models, scanners and tags lie as unevenly as in life: most studies are done, some words are
found once in twenty thousand, and some pairs of words never. There are no images, series or audit trails, which no list
reads. The desk's tables are written in the same run, as the triggers would (``tests/bench`` compares them).
"""

from __future__ import annotations

import argparse
import time

import psycopg

from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.schema import migrate

SITES = 50
YEARS = 3

_SEED = """
    CREATE UNLOGGED TABLE seed AS
    SELECT n, '1.2.840.113619.2.55.3.' || 2831868886 + (n * 7919) % 1000003 || '.' || n AS study_uid,
           date_trunc('milliseconds', now() - n * (interval '{years} years' / {studies})) AS at,
           'SITE' || lpad((1 + floor(power(random(), 2) * {sites}))::text, 2, '0') AS site,
           floor(random() * 12)::int AS machine, random() AS fate, random() AS answer, random() AS word,
           random() AS model, random() AS tagged, 40 + 220 * random() AS hu, 1.8 + 2.4 * random() AS vbq,
           20 + 900 * power(random(), 4) AS took_s, 1 + (n * 6700417) % {patients} AS patient
    FROM generate_series(1::bigint, {studies}) n
"""
_FACTS = """
    CREATE UNLOGGED TABLE seed_facts AS
    SELECT *, state = 'DONE' AS done,
           state NOT IN ('RECEIVING', 'ANALYSING') AND (failed <> 'analyse' OR failed IS NULL) AS measured,
           array_remove(ARRAY[CASE WHEN category = 'NOT_EVALUABLE' THEN why END,
                              CASE WHEN category IS NOT NULL AND word > 0.55 THEN remark END], NULL) AS reasons,
           CASE WHEN category IS NOT NULL AND model < 0.7 THEN ARRAY[
                CASE WHEN model < 0.00005 THEN 'rare-model' WHEN is_ct THEN 'demo-ct' ELSE 'demo-mr' END]
                ELSE '{}'::text[] END AS models,
           CASE WHEN tagged < 0.00002 THEN ARRAY['lost'] WHEN tagged < 0.002 THEN ARRAY['follow-up']
                ELSE '{}'::text[] END AS tags
    FROM (
        SELECT *, CASE WHEN state IN ('RECEIVING', 'ANALYSING') OR failed = 'analyse' THEN NULL
                       WHEN answer < 0.22 THEN 'NOT_EVALUABLE' WHEN answer < 0.40 THEN 'LOW_BONE_DENSITY_SUSPECTED'
                       WHEN answer < 0.58 THEN 'INDETERMINATE' ELSE 'NO_FLAG' END AS category,
               CASE WHEN word < 0.0002 THEN 'GANTRY_TILT' WHEN word < 0.3 THEN 'METAL' WHEN word < 0.6 THEN 'NO_LUMBAR'
                    ELSE 'TOO_FEW_LEVELS' END AS why,
               CASE WHEN word > 0.9999 THEN 'PATIENT_CONFLICT' WHEN word > 0.8 THEN 'SEG_WARNING'
                    ELSE 'KVP_ADJUSTED' END AS remark
        FROM (
            SELECT *, machine % 3 < 2 AS is_ct,
                   CASE WHEN n <= 40 THEN 'RECEIVING' WHEN n <= 400 THEN 'ANALYSING' WHEN n <= 500 THEN 'DELIVERING'
                        WHEN fate < 0.010 THEN 'FAILED' WHEN fate < 0.014 THEN 'CANCELLED' ELSE 'DONE' END AS state,
                   CASE WHEN n > 500 AND fate < 0.004 THEN 'analyse' WHEN n > 500 AND fate < 0.010 THEN 'deliver'
                   END AS failed,
                   (ARRAY['SIEMENS', 'GE MEDICAL SYSTEMS', 'Philips', 'TOSHIBA'])[1 + machine % 4] AS maker,
                   (ARRAY['SOMATOM Force', 'Revolution CT', 'Achieva', 'Aquilion ONE', 'SOMATOM Drive', 'Signa HDxt',
                          'Ingenia', 'Vantage Titan', 'MAGNETOM Aera', 'Optima CT660', 'Brilliance 64', 'Aquilion'])
                   [1 + machine] AS scanner, 'ST' || right(site, 2) || machine % 3 AS station
            FROM seed) s) f
"""
_FILL = """
    INSERT INTO studies (study_uid, state, category, revision, calling_ae_title, first_image_at, last_image_at,
        changed_at, failed_stage, failure_code, patient_id, accession_number, study_date, description, birth_date, sex,
        manufacturer, scanner_model, station)
    SELECT study_uid, state, category, CASE state WHEN 'RECEIVING' THEN 0 ELSE 1 END, site, at, at + interval '40 s',
        at, failed, CASE WHEN state <> 'FAILED' THEN NULL WHEN failed = 'analyse' THEN 'ATTEMPTS_EXHAUSTED'
        ELSE 'DESTINATION_UNREACHABLE' END, 'PID' || lpad(patient::text, 8, '0'), 'ACC' || 20000000 + n,
        to_char(at, 'YYYYMMDD'), CASE WHEN is_ct THEN 'CT abdomen' ELSE 'MR lumbar spine' END, '19500101', 'F',
        maker, scanner, station FROM seed_facts;
    INSERT INTO revisions (study_uid, revision, instance_digest, frozen_at, analysed_at, reported_at, done_at, category,
        result)
    SELECT study_uid, 1, '', at + interval '100 s', CASE WHEN measured THEN at + interval '110 s' END,
        CASE WHEN measured THEN at + interval '112 s' END,
        CASE WHEN done THEN at + make_interval(secs => 112 + took_s) END, category,
        CASE WHEN category IS NOT NULL THEN jsonb_build_object('study_uid', study_uid, 'revision', 1,
            'category', category, 'reasons', '[]'::jsonb, 'levels', '[]'::jsonb, 'impression', '[]'::jsonb,
            'versions', '{}'::jsonb, 'primary', '1.5', 'sources', jsonb_build_array(jsonb_build_object(
                'series_uid', '1.5', 'modality', CASE WHEN is_ct THEN 'CT' ELSE 'MR' END, 'role', 'CT', 'number', 1,
                'description', '', 'frame_of_reference_uid', '', 'instance_uids', '[]'::jsonb))) END
    FROM seed_facts WHERE state <> 'RECEIVING';
    INSERT INTO reasons (study_uid, revision, code, blocking, sentence)
    SELECT study_uid, 1, code, code = why, 'seeded' FROM seed_facts, unnest(reasons) code;
    INSERT INTO scores (study_uid, revision, model_id, model_version, model_sha256, endpoint, active, applicable,
        demonstration, probability, threshold, operating_point, positive)
    SELECT study_uid, 1, model_id, '1', 'ab', 'osteoporosis', true, true, true, answer, 0.5, 'youden', answer > 0.5
    FROM seed_facts, unnest(models) model_id;
    INSERT INTO measurements (study_uid, revision, concept, meaning, derivation, value, unit, method, series_uid)
    SELECT study_uid, 1, '112031', 'Attenuation Coefficient', 'Mean', hu - 5 * nth, '[hnsf''U]', method, '1.5'
    FROM seed_facts, unnest(ARRAY['trab_v1 L1', 'trab_v1 L1-L4']) WITH ORDINALITY AS m(method, nth)
    WHERE category <> 'NOT_EVALUABLE' AND is_ct;
    INSERT INTO measurements (study_uid, revision, concept, meaning, derivation, value, unit, method, series_uid)
    SELECT study_uid, 1, 'VBQ', 'Vertebral bone quality', '', vbq, '1', 'vbq_v1:T1w', '1.5'
    FROM seed_facts WHERE category <> 'NOT_EVALUABLE' AND NOT is_ct;
    INSERT INTO objects (sop_instance_uid, sop_class_uid, study_uid, revision, kind, rank, series_uid)
    SELECT study_uid || '.9', '1.2.840.10008.5.1.4.1.1.88.34', study_uid, 1, 'SR', 0, study_uid || '.8'
    FROM seed_facts WHERE category IS NOT NULL AND state <> 'CANCELLED';
    INSERT INTO object_deliveries (study_uid, revision, destination, kind, sop_class_uid, sop_instance_uid, state,
        status, attempts, changed_at)
    SELECT study_uid, 1, destination, 'SR', '1.2.840.10008.5.1.4.1.1.88.34', study_uid || '.9.' || destination,
        CASE WHEN state = 'DELIVERING' THEN 'PENDING' WHEN failed = 'deliver' AND destination = 'PACS' THEN 'FAILED'
             ELSE 'CONFIRMED' END, 0, 1, at + interval '115 s'
    FROM seed_facts, unnest(ARRAY['PACS', 'ARCHIVE']) destination
    WHERE category IS NOT NULL AND state <> 'CANCELLED' AND (destination = 'PACS' OR machine = 0);
    INSERT INTO study_tags (study_uid, tag, who) SELECT study_uid, tag, 'seed' FROM seed_facts, unnest(tags) tag;
    INSERT INTO desk_studies (study_uid, first_image_at, site, state, modality, patient_id, patient_key,
        accession_number, accession_key, description, scanner, category, revision, study_date, l1_hu, mean_hu, vbq,
        failure_code, reasons, models, tags, terms, finished_at, finished_category, turnaround)
    SELECT s.study_uid, s.first_image_at, s.calling_ae_title, s.state,
        CASE WHEN f.category IS NULL THEN '' WHEN is_ct THEN 'CT' ELSE 'MR' END, s.patient_id,
        lower(s.patient_id), s.accession_number, lower(s.accession_number), s.description,
        concat_ws(' ', maker, f.scanner, f.station), s.category, s.revision, f.at::date, values.l1, values.mean,
        CASE WHEN s.category <> 'NOT_EVALUABLE' AND NOT is_ct THEN f.vbq END, s.failure_code,
        ARRAY(SELECT unnest(f.reasons) ORDER BY 1), f.models, f.tags,
        ARRAY(SELECT term FROM (
            SELECT '' AS term UNION ALL SELECT 'state:' || s.state
            UNION ALL SELECT 'category:' || s.category WHERE s.category IS NOT NULL
            UNION ALL SELECT 'reason:' || code FROM unnest(f.reasons || s.failure_code) code WHERE code IS NOT NULL
            UNION ALL SELECT 'model:' || m FROM unnest(f.models) m UNION ALL SELECT 'tag:' || t FROM unnest(f.tags) t
            UNION ALL SELECT 'scanner:' || lower(name) FROM unnest(ARRAY[maker, f.scanner, f.station]) name
            UNION ALL SELECT CASE s.state WHEN 'DELIVERING' THEN 'pending:' ELSE 'undelivered:' END || destination
                FROM unnest(CASE WHEN machine = 0 THEN ARRAY['PACS', 'ARCHIVE'] ELSE ARRAY['PACS'] END) destination
                WHERE s.category IS NOT NULL
                  AND (s.state = 'DELIVERING' OR (failed = 'deliver' AND destination = 'PACS'))) t
            ORDER BY term COLLATE "C"),
        CASE WHEN measured THEN f.at + interval '112 s' END, CASE WHEN measured THEN s.category END,
        CASE WHEN done THEN least(96, 1 + floor(ln(greatest(1, 72 + took_s)) / ln(1.15))) END
    FROM seed_facts f JOIN studies s USING (study_uid),
    LATERAL (SELECT CASE WHEN s.category <> 'NOT_EVALUABLE' AND is_ct THEN round((hu - 5)::numeric, 2)::float END AS l1,
                    CASE WHEN s.category <> 'NOT_EVALUABLE' AND is_ct THEN round((hu - 10)::numeric, 2)::float END
                    AS mean) AS values;
    INSERT INTO desk_marks (term, site, first_image_at, study_uid)
    SELECT term, site, first_image_at, study_uid FROM desk_studies, unnest(terms) term;
    INSERT INTO desk_days (day, site, analysing, reporting, delivering, done, failed, cancelled)
    SELECT first_image_at::date, site, count(*) FILTER (WHERE state = 'ANALYSING'), 0,
        count(*) FILTER (WHERE state = 'DELIVERING'), count(*) FILTER (WHERE state = 'DONE'),
        count(*) FILTER (WHERE state = 'FAILED'), count(*) FILTER (WHERE state = 'CANCELLED')
    FROM desk_studies GROUP BY 1, 2;
    INSERT INTO desk_days (day, site, suspected, indeterminate, no_flag, not_evaluable, turnarounds)
    SELECT finished_at::date, site, count(*) FILTER (WHERE category = 'LOW_BONE_DENSITY_SUSPECTED'),
        count(*) FILTER (WHERE category = 'INDETERMINATE'), count(*) FILTER (WHERE category = 'NO_FLAG'),
        count(*) FILTER (WHERE category = 'NOT_EVALUABLE'),
        ARRAY(SELECT count(*) FILTER (WHERE t = b) FROM unnest(array_agg(turnaround)) t, generate_series(1, 96) b
              GROUP BY b ORDER BY b)
    FROM desk_studies WHERE finished_at IS NOT NULL GROUP BY 1, 2
    ON CONFLICT (day, site) DO UPDATE SET suspected = excluded.suspected, indeterminate = excluded.indeterminate,
        no_flag = excluded.no_flag, not_evaluable = excluded.not_evaluable, turnarounds = excluded.turnarounds;
    DROP TABLE seed, seed_facts
"""


_INDEXES = """
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
    WHERE indrelid::regclass::text = ANY(%s) AND NOT indisprimary
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
_FILLED = ("studies", "revisions", "reasons", "scores", "measurements", "objects", "object_deliveries", "study_tags",
           "desk_studies", "desk_marks")  # fmt: skip


def seed(url: str, studies: int) -> None:
    """Fill the ledger; the same number of studies gives the same studies, counted back from now."""
    numbers = {"studies": studies, "sites": SITES, "years": YEARS, "patients": max(1, studies * 2 // 3)}
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        for statement in ("SET session_replication_role = replica", "SET max_parallel_workers_per_gather = 0",
                          "SET synchronous_commit = off", "SET work_mem = '256MB'",
                          "SET maintenance_work_mem = '512MB'",
                          "SELECT setseed(0.42)"):  # fmt: skip
            connection.execute(statement)
        connection.execute(_SEED.format(**numbers))  # type: ignore[arg-type]
        connection.execute(_FACTS)  # type: ignore[arg-type]
        indexes = connection.execute(_INDEXES, (list(_FILLED),)).fetchall()  # sorted in one go they take a tenth
        key = "ALTER TABLE desk_marks {} CONSTRAINT pk_desk_marks"
        drops = [f"DROP INDEX {name}" for name, _ in indexes] + [key.format("DROP")]
        makes = [made for _, made in indexes] + [f"{key.format('ADD')} PRIMARY KEY (term, first_image_at, study_uid)"]
        for statement in [*drops, *_FILL.split(";\n"), *makes, "VACUUM ANALYZE"]:
            started = time.monotonic()
            connection.execute(statement)  # type: ignore[arg-type]
            print(f"{' '.join(statement.split()[:3]):60s} {time.monotonic() - started:7.1f} s", flush=True)


def main() -> None:
    """Migrate, fill, say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=1_000_000)
    parser.add_argument("--url", required=True, help="postgresql://… of an empty database")
    options = parser.parse_args()
    started = time.monotonic()
    migrate(options.url)
    seed(options.url, options.studies)
    print(f"{options.studies} studies in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
