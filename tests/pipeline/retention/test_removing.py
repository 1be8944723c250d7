from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY
from trabecula.domain.errors import SpoolUnavailable, TrabeculaError
from trabecula.domain.errors_of.retention import ImagesRemoved, ResultsRemoved
from trabecula.domain.spine import Level
from trabecula.domain.study.disk_room import DiskRoom
from trabecula.domain.study.retention import FileKind, HeldBy, RetentionPolicy
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries.retention import held_back
from trabecula.ledger.retention.filling import disk_room
from trabecula.ledger.rows.retention import REMOVAL_LOCK
from trabecula.pipeline import reprocess_study, resend_study
from trabecula.pipeline.operators.naming_levels import name_levels
from trabecula.pipeline.retention.removing import RemovedFiles, due_files, remove_due

OTHER = "1.2.826.0.2"


def test_images_go_after_their_days_and_the_ledger_keeps_values_and_says_when_and_why(kept: Kept) -> None:
    kept.finish(1, 2)
    kept.finish(1, study_uid=OTHER)
    kept.age(31)

    (due,) = due_files(kept.retention, 10)
    done = remove_due(kept.retention)

    assert (due.kind, due.study_uid) == (FileKind.IMAGES, STUDY)
    assert done == RemovedFiles(images=1, size_bytes=due.size_bytes)
    assert not kept.path(1).exists()
    assert not kept.path(2).exists()
    assert kept.path(1, OTHER).exists()
    assert (kept.results / STUDY / "1" / "SR.dcm").exists()
    assert kept.world.rows("SELECT value FROM measurements WHERE study_uid = :uid AND level = 'L1'", uid=STUDY) == [
        102.0
    ]
    assert kept.world.rows("SELECT kind, rule, ended_at IS NOT NULL FROM removals") == [
        ("IMAGES", "keep_images_days = 30", True)
    ]
    assert kept.world.events()[-1] == "IMAGES_REMOVED"
    assert remove_due(kept.retention) == RemovedFiles()


def test_results_go_by_their_own_rule_and_what_needs_them_says_so(kept: Kept) -> None:
    kept.finish(1)
    kept.retention = replace(kept.retention, policy=replace(kept.retention.policy, keep_images_days=None))
    kept.age(61)

    done = remove_due(kept.retention)

    assert done.results == 1
    assert done.size_bytes > 0
    assert not (kept.results / STUDY).exists()
    assert kept.path(1).exists()
    assert kept.world.rows("SELECT count(*) FROM objects WHERE rank = 0") == [3]
    with pytest.raises(ResultsRemoved, match="keep_results_days = 60"):
        resend_study(kept.world.services, STUDY, "pacs", "somebody")
    with pytest.raises(ResultsRemoved):
        name_levels(
            kept.world.services, kept.world.runner.artifacts, STUDY, "L1", Level.L2, who="reader", reason="ribs"
        )


def test_without_rules_everything_is_kept_for_ever(kept: Kept) -> None:
    kept.finish(1)
    kept.age(10_000)

    assert remove_due(replace(kept.retention, policy=RetentionPolicy())) == RemovedFiles()
    assert kept.path(1).exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE object_deliveries SET state = 'SENT', commitment = 'MISSING' WHERE kind = 'SR'", HeldBy.UNCONFIRMED),
        ("UPDATE object_deliveries SET state = 'SENT', commitment = 'NONE'", HeldBy.UNCONFIRMED),
        ("UPDATE studies SET state = 'DELIVERING'", HeldBy.OPEN),
        ("UPDATE studies SET state = 'RECEIVING'", HeldBy.OPEN),
        ("INSERT INTO retention_holds (study_uid, held_by, reason) SELECT study_uid, '', '' FROM studies", HeldBy.HOLD),
        (
            "INSERT INTO quarantine (sop_instance_uid, study_uid, sop_class_uid, spool_key, size_bytes, sha256, "
            "calling_ae_title, association_id, received_at, last_received_at, code, sentence) SELECT sop_instance_uid, "
            "'', '', '', 0, 'ab', '', '', now(), now(), 'INSTANCE_CONFLICT', '' FROM instances LIMIT 1",
            HeldBy.QUARANTINE,
        ),
        (
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status) "
            "SELECT 'io', 'trabecula.confirm', jsonb_build_object('study_uid', study_uid), 'doing' FROM studies",
            HeldBy.BUSY,
        ),
        (
            "INSERT INTO events (study_uid, revision, what, detail, who) SELECT study_uid, 1, 'WITHHELD', '', '' "
            "FROM studies",
            HeldBy.WITHHELD,
        ),
    ],
)  # fmt: skip
def test_what_holds_files_back_is_named_and_nothing_goes(kept: Kept, change: str, reason: HeldBy) -> None:
    kept.finish(1)
    kept.age(90)
    kept.world.rows(change)

    assert remove_due(kept.retention) == RemovedFiles()
    assert kept.path(1).exists()
    back = held_back(kept.world.engine, kept.retention.policy)
    assert back == {kind: {reason: 1} for kind in FileKind}


def test_a_study_that_changes_between_look_and_removal_is_left_alone(kept: Kept) -> None:
    kept.finish(1)
    kept.age(31)
    (due,) = due_files(kept.retention, 10)

    with kept.retention.open_ledger() as ledger:
        ledger.retention.hold(STUDY, "somebody", "a question")
        ledger.commit()
        assert ledger.retention.old_enough(due.kind, kept.retention.policy, 10, STUDY) == ()

    assert remove_due(kept.retention) == RemovedFiles()


def test_a_run_that_was_killed_in_the_middle_is_finished_by_the_next_and_images_that_came_again_stay(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.finish(1, 2)
    kept.age(31)

    def die(*_: object) -> int:
        kept.path(1).unlink()
        raise SpoolUnavailable("killed")

    with monkeypatch.context() as patch:
        patch.setattr(kept.retention.files, "remove_images", die)
        with pytest.raises(SpoolUnavailable):
            remove_due(kept.retention)
    assert kept.world.rows("SELECT ended_at IS NULL FROM removals") == [True]
    with pytest.raises(ImagesRemoved):
        reprocess_study(kept.world.services.open_ledger, STUDY, "somebody")
    kept.receive(1)

    done = remove_due(kept.retention)

    assert done.images == 1
    assert kept.path(1).exists()
    assert not kept.path(2).exists()
    assert kept.world.rows("SELECT sop_instance_uid FROM removed_images") == [f"{STUDY}.5.2"]
    assert kept.world.rows("SELECT ended_at IS NOT NULL FROM removals") == [True]


def test_nothing_goes_while_a_backup_is_made(kept: Kept) -> None:
    kept.finish(1)
    kept.age(31)
    url = kept.world.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")

    with psycopg.connect(url, autocommit=True) as backup:
        backup.execute("SELECT pg_advisory_lock(%s)", (REMOVAL_LOCK,))
        hindered = remove_due(kept.retention)

    assert hindered == RemovedFiles(hindered=True)
    assert kept.path(1).exists()
    assert remove_due(kept.retention).images == 1


def test_a_key_that_another_study_may_name_is_left_alone(kept: Kept) -> None:
    kept.finish(1)
    shared = kept.spool.root / "objects" / "shared"
    shared.write_bytes(b"of two")
    kept.world.rows("UPDATE instances SET spool_key = 'objects/shared'")
    kept.age(31)

    remove_due(kept.retention)

    assert shared.exists()


def test_the_date_of_fullness_is_told_from_what_came_and_went_in_a_week(kept: Kept) -> None:
    kept.finish(1, 2)
    kept.age(2)

    with kept.world.engine.connect() as link:
        room = disk_room(driver_connection(link), 3000, 1000, 500)
    came = sum(kept.world.rows("SELECT size_bytes FROM instances"))

    assert room is not None
    assert room.days == pytest.approx(2.0, abs=0.1)
    assert room.growth_per_day == pytest.approx((came + 500) / room.days)
    assert room.days_left == pytest.approx(2000 / room.growth_per_day)
    assert DiskRoom(free_bytes=9, watermark_bytes=1, came_bytes=5, removed_bytes=5, days=1).days_left is None


def test_errors_name_count_day_and_rule(kept: Kept) -> None:
    kept.finish(1, 2)
    kept.age(31)
    remove_due(kept.retention)

    with pytest.raises(TrabeculaError) as caught:
        reprocess_study(kept.world.services.open_ledger, STUDY, "somebody")

    assert caught.value.code == "IMAGES_REMOVED"
    assert "2 images were removed on" in caught.value.sentence
    assert "keep_images_days = 30" in caught.value.sentence
    assert "studies fetch" in caught.value.next_step
