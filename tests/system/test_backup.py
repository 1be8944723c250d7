"""A backup of a running service is restored over what came after it: nothing is lost, and nothing is made twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.databases import server_url
from tests.system.conftest import StudyOnDisk
from tests.system.service import Installation, clean_environment, storescu, trabecula

pytestmark = pytest.mark.system


def objects_of(document: dict[str, object]) -> dict[str, str]:
    return {item["kind"]: item["sop_instance_uid"] for item in document["objects"]}  # type: ignore[attr-defined]


def test_what_came_after_the_backup_is_there_again_with_the_objects_that_were_sent(
    tmp_path: Path,
    installation: Callable[..., Installation],
    require_tool: Callable[[str], str],
    storescp: tuple[int, Path],
    mr_study: StudyOnDisk,
    ct_study: StudyOnDisk,
) -> None:
    sender = require_tool("storescu")
    port, delivered = storescp
    service = installation(
        destinations=f"PACS=DCMTK@127.0.0.1:{port}", send_not_evaluable="always", commitment_timeout_seconds=1
    )
    backup = tmp_path / "backup"
    serve = service.start(tmp_path / "serve.log")
    try:
        serve.wait_for_line("trabecula is ready")
        storescu(sender, mr_study.files[:3], service.port)
        first = service.wait_until_final(mr_study.uid)

        # Act: a backup while it runs, one more study, then the database is lost
        made = service.command("backup", str(backup), "--json")
        assert made.returncode == 0, made.stderr
        storescu(sender, ct_study.files[:3], service.port)
        second = service.wait_until_final(ct_study.uid)
        sent = sorted(path.name for path in delivered.iterdir())
    finally:
        serve.end()
    shutil.rmtree(service.data_dir / "database")
    refused = service.command("restore", str(tmp_path))
    restored = service.command("restore", str(backup), "--json")
    assert restored.returncode == 0, restored.stderr
    again = service.start(tmp_path / "again.log")
    try:
        again.wait_for_line("trabecula is ready")
        first_again = service.wait_until_final(mr_study.uid)
        second_again = service.wait_until_final(ct_study.uid)
        not_empty = service.command("restore", str(backup))
    finally:
        again.end()

    assert json.loads(made.stdout)["studies"] == 1
    assert refused.returncode != 0
    assert "BACKUP_INVALID" in refused.stderr
    assert json.loads(restored.stdout)["registered_again"] == 3
    assert (first["state"], second["state"]) == ("DONE", "DONE")
    assert objects_of(first_again) == objects_of(first)
    assert objects_of(second_again) == objects_of(second)
    assert (second_again["state"], second_again["revision"]) == ("DONE", 1)
    assert "ADOPTED" in [event["what"] for event in second_again["events"]]
    assert sorted(path.name for path in delivered.iterdir()) == sent
    assert "SERVICE_RUNS_ALREADY" in not_empty.stderr


def test_a_lost_data_folder_comes_back_from_a_server_and_a_ledger_with_studies_is_not_replaced_unasked(
    tmp_path: Path, installation: Callable[..., Installation]
) -> None:
    url = server_url()
    if url is None:
        pytest.skip("no PostgreSQL server: set TRABECULA_TEST_DATABASE_URL or install the package postgresql")
    name = "trabecula_restored"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")  # type: ignore[arg-type]
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    target = f"{url.rsplit('/', 1)[0]}/{name}"
    environment = clean_environment(data_dir=tmp_path / "one", database_url=target)
    made_one = trabecula(environment, "doctor", "--migrate")
    with psycopg.connect(target) as connection:
        connection.execute("INSERT INTO studies (study_uid) VALUES ('1.2.3'), ('1.2.5')")
    for uid in ("1.2.3", "1.2.5"):
        kept = tmp_path / "one" / "results" / uid / "1"
        kept.mkdir(parents=True)
        (kept / "result.json").write_text("{}")
    backup = trabecula(environment, "backup", str(tmp_path / "backup"))
    with psycopg.connect(target) as connection:
        connection.execute("INSERT INTO studies (study_uid) VALUES ('1.2.4')")
    deleted = trabecula(environment, "studies", "delete", "1.2.5", "--reason", "request 7", "--yes")
    deletions = str(tmp_path / "one" / "deletions.jsonl")
    elsewhere = environment | {"TRABECULA_DATA_DIR": str(tmp_path / "two")}

    refused = trabecula(elsewhere, "restore", str(tmp_path / "backup"))
    replaced = trabecula(elsewhere, "restore", str(tmp_path / "backup"), "--replace-ledger", "--operator", "admin",
                         "--deletions", deletions)  # fmt: skip
    told = trabecula(elsewhere, "studies", "deleted", "1.2.5")

    assert made_one.returncode == 0, made_one.stderr
    assert backup.returncode == 0, backup.stderr
    assert deleted.returncode == 0, deleted.stderr
    assert "RESTORE_REFUSED" in refused.stderr
    assert replaced.returncode == 0, replaced.stderr
    assert (tmp_path / "two" / "results" / "1.2.3" / "1" / "result.json").read_text() == "{}"
    assert "1 studies deleted again" in replaced.stdout
    assert "request 7; deleted again after a restore" in told.stdout
    assert not (tmp_path / "two" / "results" / "1.2.5").exists()
    assert "1.2.5" not in (tmp_path / "two" / "deletions.jsonl").read_text()
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT study_uid FROM studies").fetchall() == [("1.2.3",)]
        (who,) = connection.execute("SELECT restored_by FROM restores").fetchone() or ("",)
    assert who.startswith("admin")
