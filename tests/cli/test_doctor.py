from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from tests.certificates import self_signed
from tests.databases import embedded_database_url
from tests.mail_sink import mail_sink, web_sink
from tests.pipeline.world import World, make_world
from trabecula.cli.doctor import checks
from trabecula.cli.doctor.ledger_look import LedgerLook
from trabecula.cli.main import app
from trabecula.cli.serving.precautions import check_fonts
from trabecula.domain.errors import ClockWrong
from trabecula.domain.errors_of.fonts import CjkFontMissing
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.intake.tls import server_context
from trabecula.pipeline import register_instance
from trabecula.settings import PeerSettings, Settings, load_settings
from trabecula.testing import MemoryRegistrar

__all__ = ["embedded_database_url"]


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRABECULA_MIN_FREE_GIB", "0")
    monkeypatch.delenv("TRABECULA_REQUIRE_PEERS", raising=False)
    made = make_world(embedded_database_url, tmp_path)
    yield made
    made.engine.dispose()


def finding(name: str, settings: Settings | None = None) -> checks.CheckResult:
    settings = settings or load_settings()
    with LedgerLook(settings) as look:
        return next(check for check in checks.checks_of(settings, look) if check.name == name).find()


def test_all_is_well_on_a_sound_installation(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_DICOM_PORT", "0")
    monkeypatch.setenv("TRABECULA_WEB_PORT", "0")
    living_workers(world)
    answer = CliRunner().invoke(app, ["doctor", "--json"])

    document = json.loads(answer.stdout)
    assert {item["name"]: item["detail"] for item in document["checks"] if not item["ok"]} == {}
    assert answer.exit_code == 0
    assert [item["name"] for item in document["checks"]] == [
        "settings", "disk", "database", "clock", "files", "certificates", "listener", "desk", "workers", "queue",
        "received", "failures", "quarantine", "told", "audit", "fonts", "models", "bundles", "phantom",
    ]  # fmt: skip
    assert "truth" in document["checks"][-1]["detail"]


def peer_of(language: str) -> PeerSettings:
    return PeerSettings(name="PACS", ae_title="X", host="127.0.0.1", port=1, language=language)


def test_a_destination_whose_letters_no_font_holds_is_told_before_the_first_study(world: World, tmp_path: Path) -> None:
    def asked(language: str, font: Path) -> checks.CheckResult:
        return finding("fonts", Settings(destinations=(peer_of(language),), cjk_font=font))

    missing = tmp_path / "none.ttc"
    latin = Path(str(resources.files("trabecula.data").joinpath("fonts", "DejaVuSansCondensed.ttf")))

    assert asked("de", missing).ok
    for font, said in ((missing, "none.ttc"), (latin, "lacks")):
        found = asked("zh", font)
        assert (found.ok, found.detail.split(":")[0]) == (False, "CJK_FONT_MISSING")
        assert said in found.detail
        assert "fonts-noto-cjk" in found.fix
    with pytest.raises(CjkFontMissing):
        check_fonts(Settings(destinations=(peer_of("ja"),), cjk_font=missing))


def living_workers(world: World) -> None:
    """A worker of each queue that has just told that it lives."""
    for queue in ("cpu", "io", "sys"):
        (worker,) = world.rows("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
        world.rows("INSERT INTO worker_queues VALUES (:id, :queue, 'here')", id=worker, queue=queue)


def test_a_typing_error_in_a_variable_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_AE_TITEL", "X")

    found = finding("settings")

    assert not found.ok
    assert found.detail.startswith("SETTINGS_SUSPICIOUS: ")
    assert "TRABECULA_AE_TITEL" in found.detail
    assert "trabecula.example.toml" in found.fix


def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_MIN_FREE_GIB", "1e9")

    found = finding("disk")

    assert found.detail.startswith("STORAGE_FULL: ")
    assert "Free space" in found.fix


def test_the_disks_of_other_hosts_are_looked_at_too(world: World) -> None:
    world.rows(
        "INSERT INTO host_disks (host, folder, free_bytes, watermark_bytes, told_at) "
        "VALUES ('ward-2', 'journal', 3::bigint << 30, 2::bigint << 30, now() - interval '2 hours')"
    )
    low = finding("disk")
    world.rows("UPDATE host_disks SET free_bytes = 1::bigint << 30")
    full = finding("disk")

    assert low.ok
    assert "3.0 GiB free for journal on ward-2, told 120 min ago" in low.detail
    assert full.detail.startswith("STORAGE_FULL: ")
    assert "1.0 GiB free for journal on ward-2" in full.detail


def test_a_data_folder_that_is_a_file(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "file"))

    found = finding("disk")

    assert found.detail.startswith("SPOOL_UNAVAILABLE: ")
    assert "TRABECULA_DATA_DIR" in found.fix


def test_a_database_that_does_not_answer(world: World, free_port: Callable[[], int]) -> None:
    settings = load_settings(database_url=f"postgresql://nobody@127.0.0.1:{free_port()}/none")

    found = finding("database", settings)

    assert found.detail.startswith("DATABASE_UNAVAILABLE: ")
    assert "TRABECULA_DATABASE_URL" in found.fix
    assert finding("listener", settings.model_copy(update={"dicom_port": free_port()})).detail.startswith(
        "LISTENER_DOWN: "
    )


def test_a_clock_that_is_a_minute_off(world: World) -> None:
    with LedgerLook(load_settings()) as look, pytest.raises(ClockWrong) as caught:
        checks._clock(look, now=lambda: datetime.now(UTC) - timedelta(minutes=1))

    assert caught.value.code == "CLOCK_WRONG"
    assert "s from the database's" in caught.value.sentence
    assert "chrony" in caught.value.next_step


def test_jobs_that_nobody_works_on(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.rows("UPDATE backlog SET due_at = now() - interval '1 hour'")

    found = finding("queue")

    assert found.detail.startswith("QUEUE_STUCK: ")
    assert "1 wait" in found.detail
    assert "trabecula work" in found.fix


def test_a_destination_that_does_not_answer(world: World, free_port: Callable[[], int]) -> None:
    settings = load_settings(destinations=f"PACS=PACS@127.0.0.1:{free_port()}")

    found = finding("destination PACS", settings)

    assert found.detail.startswith("DESTINATION_UNREACHABLE: ")
    assert "firewall" in found.fix


def test_bundles_that_are_not_there(world: World, tmp_path: Path) -> None:
    found = finding("bundles", load_settings(bundles_dir=tmp_path / "gone"))

    assert found.detail.startswith("BUNDLE_UNKNOWN: ")
    assert "models list" in found.fix


def test_a_segmenter_that_finds_nothing_misses_the_phantom(world: World, tmp_path: Path) -> None:
    # Arrange: an external program that writes an empty label map
    program = tmp_path / "blind.py"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nimport nibabel\nimport numpy\nimage = nibabel.load(sys.argv[1])\n"
        "nibabel.save(nibabel.Nifti1Image(numpy.zeros(image.shape, numpy.uint8), image.affine), sys.argv[2])\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    blind = {"command": f"{program} {{input}} {{output}}", "label_map": "totalsegmentator"}

    found = finding("phantom", load_settings(segmenter="blind", external_segmenters={"blind": blind}))

    assert found.detail.startswith("PHANTOM_MISSED: ")
    assert "L1 was not measured" in found.detail
    assert "Do not trust results" in found.fix


def test_the_exit_code_says_when_something_is_wrong(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_BUNDLES_DIR", "/nonexistent")

    answer = CliRunner().invoke(app, ["doctor"])

    assert answer.exit_code == 1
    assert "FAIL bundles" in answer.stdout
    assert "-> " in answer.stdout


def test_migrate_brings_the_schema_up_to_date_and_stops(world: World) -> None:
    answer = CliRunner().invoke(app, ["doctor", "--migrate"])

    assert answer.exit_code == 0
    assert "up to date" in answer.stdout


def test_every_check_says_what_a_data_folder_that_is_a_file_means_for_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "file"))
    monkeypatch.delenv("TRABECULA_DATABASE_URL", raising=False)

    found = [finding(name) for name in ("disk", "database", "clock", "queue")]

    assert [item.ok for item in found] == [False] * 4
    assert {item.detail.split(":")[0] for item in found[1:]} == {"DATA_FOLDER_UNUSABLE"}
    assert all("data_dir" in item.fix for item in found[1:])


def test_a_check_turns_what_the_system_and_the_database_refuse_into_findings(world: World) -> None:
    def missing_table() -> str:
        with world.engine.connect() as connection:
            connection.execute(text("SELECT 'Doe^Jane' FROM no_such_table"))
        return ""

    def no_file() -> str:
        return Path("/nowhere/at/all").read_text()

    refused, missing = checks.Check("x", missing_table).find(), checks.Check("y", no_file).find()

    assert refused.detail.startswith("DATABASE_REFUSED: ")
    assert "no_such_table" in refused.detail
    assert "Doe" not in refused.detail
    assert missing.detail.startswith("SYSTEM_REFUSED: ")
    assert "/nowhere/at/all: No such file or directory" in missing.detail
    assert "permissions" in missing.fix
    assert refused.fix


def test_a_stopped_service_is_no_green_light(world: World, free_port: Callable[[], int]) -> None:
    settings = load_settings(dicom_port=free_port(), web_port=free_port())
    found = {name: finding(name, settings) for name in ("listener", "desk", "workers")}
    assert found["desk"].detail.startswith("DESK_DOWN: ")
    assert found["listener"].detail.startswith("LISTENER_DOWN: ")
    assert found["workers"].detail.startswith("WORKERS_MISSING: ")
    assert all("serve" in item.fix for item in found.values())


def test_a_listener_elsewhere_and_a_living_worker_are_seen(world: World, free_port: Callable[[], int]) -> None:
    world.rows(
        "INSERT INTO listeners (journal_uid, name, registered_until, heard_at, told_at, host_clock, "
        "backlog_bytes) "
        "VALUES ('1.2', 'ward-2', now(), now(), now(), now(), 0)"
    )
    living_workers(world)
    settings = load_settings(dicom_port=free_port())
    assert (finding("listener", settings).ok, finding("workers", settings).ok) == (True, True)
    assert "ward-2" in finding("listener", settings).detail
    world.rows("DELETE FROM worker_queues WHERE queue = 'io'")
    assert finding("workers", settings).detail.startswith("WORKERS_MISSING: ")
    assert "of io: none told" in finding("workers", settings).detail


def test_what_failed_and_what_was_put_aside_is_told(world: World) -> None:
    assert finding("received").detail == "no image has come yet"
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    register_instance(world.services.open_ledger, world.instance(2, fault="INSTANCE_UNPARSABLE: no tag"), 0.0)
    assert (finding("failures").ok, finding("received").detail) == (True, "the last image came 0 minutes ago")
    assert finding("quarantine").detail.startswith("QUARANTINE_FILLED: ")
    world.rows("UPDATE quarantine SET last_received_at = now() - interval '2 days'")
    assert (finding("quarantine").ok, finding("quarantine").detail) == (True, "1 held, none since yesterday")
    world.rows("UPDATE studies SET state = 'FAILED'")
    found = finding("failures")
    assert (found.ok, found.detail.split(":")[0]) == (False, "WORK_FAILED")
    assert "retry --state failed" in found.fix


def test_a_model_in_use_that_was_altered_or_is_gone(world: World, tmp_path: Path) -> None:
    assert finding("models").detail == "no model is in use"
    state = {"version": 1, "models": {"gone-ct": {"role": "active", "modality": "CT", "sha256": "ab" * 32}}}
    folder = load_settings().data_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "activation.json").write_text(json.dumps(state))
    assert finding("models").detail.startswith("BUNDLE_UNKNOWN: ")


def test_certificates_that_are_missing_or_end_soon(world: World, tmp_path: Path) -> None:
    assert finding("certificates").ok
    missing = load_settings(tls_certificate=tmp_path / "none.pem", tls_key=tmp_path / "none.key")
    assert finding("certificates", missing).detail.startswith("CERTIFICATE_TROUBLE: ")
    certificate, key = self_signed(tmp_path, days=5)
    soon = finding("certificates", load_settings(tls_certificate=certificate, tls_key=key))
    assert (soon.ok, "ends in 5 days" in soon.detail) == (False, True)
    certificate, key = self_signed(tmp_path, days=90)
    assert finding("certificates", load_settings(tls_certificate=certificate, tls_key=key)).ok


def test_a_listener_that_speaks_tls_is_asked_by_tls(world: World, tmp_path: Path) -> None:
    own, foreign = tmp_path / "own", tmp_path / "foreign"
    own.mkdir()
    foreign.mkdir()
    (certificate, key), (other, other_key) = self_signed(own, days=90), self_signed(foreign, days=90)
    config = ListenerConfig(port=0, min_free_bytes=0, tls=server_context(certificate, key, client_ca=certificate))
    running = Listener(config, Spool(tmp_path / "spool"), MemoryRegistrar())
    port = running.start()
    try:
        taken = finding("listener", load_settings(dicom_port=port, tls_certificate=certificate, tls_key=key))
        refused = finding("listener", load_settings(dicom_port=port, tls_certificate=other, tls_key=other_key))
    finally:
        running.stop()

    assert (taken.ok, taken.detail) == (True, f"TRABECULA@127.0.0.1:{port} answers")
    assert (refused.ok, "as a caller" in refused.detail) == (True, True)


def test_more_associations_than_files_may_be_open(world: World) -> None:
    assert finding("files").ok
    found = finding("files", load_settings(max_associations=10**6))
    assert found.detail.startswith("TOO_FEW_FILES: ")


def test_silence_is_judged_by_the_rule_by_which_people_are_told(world: World) -> None:
    always = {"working_hours": "00:00-24:00", "working_days": "mon,tue,wed,thu,fri,sat,sun", "time_zone": "UTC"}
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.rows("UPDATE studies SET last_image_at = now() - interval '9 hours'")

    found = finding("received", load_settings(**always))

    assert (
        found.detail
        == "NOTHING_RECEIVED: No image has come for too many working hours: the last one 9 working hours ago."
    )
    assert "working_hours" in found.fix
    assert finding("received", load_settings(**always, tell_silence_hours=10)).ok
    assert finding("received", load_settings(**always, tell_silence_hours=0)).ok


def test_who_would_be_told(world: World, tmp_path: Path, free_port: Callable[[], int]) -> None:
    assert finding("told").detail == "nobody would be told of troubles: no smtp_host, no webhook_url"
    mail = {"smtp_host": "127.0.0.1", "smtp_port": free_port(), "smtp_from": "t@x.example", "smtp_to": "a@x.example"}
    settings = load_settings(**mail, webhook_url="https://chat.example/hook/secret")

    found = finding("told", settings)

    assert found.ok
    assert "mail to a@x.example over 127.0.0.1:" in found.detail
    assert "webhook at https://chat.example" in found.detail
    assert "secret" not in found.detail
    gone = finding("told", load_settings(**mail, smtp_password_file=tmp_path / "gone"))
    assert gone.detail.startswith("SECRET_UNREADABLE: ")
    world.rows(
        "INSERT INTO outgoing_messages (key, channel, kind, document, error) "
        "VALUES ('news-1', 'MAIL', 'TROUBLE', '{}', 'it answered 554')"
    )
    assert "1 by MAIL: it answered 554" in finding("told", settings).detail


def test_a_test_message_goes_out_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    nobody = CliRunner().invoke(app, ["doctor", "--send-test-message"])
    assert (nobody.exit_code, "NOBODY_TOLD" in nobody.output) == (2, True)
    with mail_sink(free_port()) as mails, web_sink() as posts:
        server = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": mails.port, "SMTP_TLS": "none", "SMTP_FROM": "t@x.example"}
        for name, value in (server | {"SMTP_TO": "a@x.example", "WEBHOOK_URL": posts.url}).items():
            monkeypatch.setenv(f"TRABECULA_{name}", str(value))

        answer = CliRunner().invoke(app, ["doctor", "--send-test-message"])

    assert (answer.exit_code, answer.stdout) == (0, "sent: mail\nsent: webhook\n")
    assert mails.subjects == ["[TRABECULA] test message"]
    assert posts.documents[0]["kind"] == "TEST"
    refused = CliRunner().invoke(app, ["doctor", "--send-test-message"])
    assert (refused.exit_code, "MESSAGE_NOT_SENT" in refused.output) == (2, True)
