"""Every metric of a listener, moved by a real listener, its journal and real associations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from tests.certificates import self_signed
from tests.intake.conftest import Running, acknowledged_after, start
from tests.intake.peers import RawPeer
from tests.waiting import wait_until
from tests.web.exposition import exposed, names, value
from trabecula.bootstrap.monitoring.listening import listener_watch
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import AssociationRejected
from trabecula.intake.journal.folder import JournalFolder
from trabecula.peers.requestor import Requestor
from trabecula.settings import load_settings
from trabecula.version import __version__
from trabecula.web.monitoring.registry import registry_of

__all__ = ["acknowledged_after", "start"]

CT = "1.2.840.10008.5.1.4.1.1.2"
pytestmark = pytest.mark.parametrize("acknowledged_after", ["journal"], indirect=True)


class Watching:
    """A listener and what monitors see of it."""

    def __init__(self, running: Running, folder: Path, **settings: object) -> None:
        self.running = running
        self.journal = JournalFolder(folder / "journal")
        made = load_settings(data_dir=folder, min_free_gib=0, **settings)
        self.watched = listener_watch(made, running.listener, self.journal)
        self.registry = registry_of(self.watched.collectors)

    def value(self, name: str, **labels: str) -> float | None:
        return value(exposed(self.registry), name, **labels)

    def ready(self) -> dict[str, bool]:
        return {check.name: check.find()["ok"] for check in self.watched.checks}

    def store(self, calling: str, called: str = "TRABECULA") -> int:
        itself = Destination(name="X", ae_title=called, host="127.0.0.1", port=self.running.port)
        with Requestor(calling).associate(itself, (CT,)) as association:
            return int(association.send_c_store(image()).Status)


def image() -> Dataset:
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = CT, "1.2.3.4"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID = "1.2.3", "1.2.3.5", "4711"
    made.file_meta = Dataset()
    made.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return made


@pytest.fixture
def watching(start: Callable[..., Running], tmp_path: Path) -> Iterator[Watching]:
    return Watching(start(), tmp_path)


def test_every_metric_of_a_listener_is_in_this_file(watching: Watching, tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path, days=5)
    whole = Watching(watching.running, tmp_path, tls_certificate=certificate, tls_key=key)

    unmoved = {name for name in names(exposed(whole.registry)) if f'"{name}"' not in Path(__file__).read_text()}

    assert unmoved == set()


def test_images_and_associations_are_counted_by_who_sent_them(watching: Watching) -> None:
    assert watching.value("trabecula_associations_accepted_total") == 0

    assert [watching.store("ROUTER"), watching.store("ROUTER"), watching.store("WARD")] == [0, 0, 0]

    assert watching.value("trabecula_instances_received_total", calling_ae_title="ROUTER") == 2
    assert watching.value("trabecula_instances_received_total", calling_ae_title="WARD") == 1
    assert watching.value("trabecula_associations_accepted_total") == 3


def test_names_that_anybody_may_choose_do_not_fill_the_monitor(watching: Watching) -> None:
    for number in range(150):
        watching.running.listener.counts.stored(f"AE{number}")

    assert watching.value("trabecula_instances_received_total", calling_ae_title="AE99") == 1
    assert watching.value("trabecula_instances_received_total", calling_ae_title="AE100") is None
    assert watching.value("trabecula_instances_received_total", calling_ae_title="(others)") == 50


def test_refusals_are_counted_by_their_cause(start: Callable[..., Running], tmp_path: Path) -> None:
    watching = Watching(start(min_free_bytes=1 << 60), tmp_path)
    assert watching.value("trabecula_instances_refused_total", cause="STORAGE_FULL") == 0
    assert watching.value("trabecula_associations_rejected_total", cause="CALLED_AE_REFUSED") == 0

    assert watching.store("ROUTER") == 0xA700
    with pytest.raises(AssociationRejected):
        watching.store("ROUTER", called="NOBODY")

    assert watching.value("trabecula_instances_refused_total", cause="STORAGE_FULL") == 1
    assert watching.value("trabecula_instances_received_total", calling_ae_title="ROUTER") is None
    assert watching.value("trabecula_associations_rejected_total", cause="CALLED_AE_REFUSED") == 1


def test_open_associations_and_a_listener_that_ended(watching: Watching) -> None:
    assert (watching.value("trabecula_associations_open"), watching.value("trabecula_listener_up")) == (0, 1)
    assert watching.ready() == {"listener": True, "disk": True, "journal": True}

    with RawPeer(watching.running.port) as peer:
        peer.associate()
        assert watching.value("trabecula_associations_open") == 1
    wait_until(lambda: watching.value("trabecula_associations_open") == 0)
    watching.running.listener.stop()

    assert watching.value("trabecula_listener_up") == 0
    assert watching.ready()["listener"] is False


def test_a_journal_whose_rows_are_not_written_grows_and_ages(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watching.value("trabecula_journal_bytes") == 0
    watching.store("ROUTER")
    assert (watching.value("trabecula_journal_bytes") or 0) > 0
    assert watching.value("trabecula_journal_limit_bytes") == 64 << 30
    watching.running.listener.stop()  # ends its segments
    later, now = 200.0, time.time
    monkeypatch.setattr(time, "time", lambda: now() + later)

    assert (watching.value("trabecula_journal_oldest_seconds") or 0) > later - 1
    assert watching.ready()["journal"] is False

    watching.running.follow()
    assert watching.value("trabecula_journal_oldest_seconds") == 0
    assert watching.ready()["journal"] is True


def test_a_disk_below_its_watermark(start: Callable[..., Running], tmp_path: Path) -> None:
    running = start()
    watching = Watching(running, tmp_path)
    assert (watching.value("trabecula_disk_free_bytes", folder="data") or 0) > 0
    assert (watching.value("trabecula_disk_free_bytes", folder="journal") or 0) > 0
    assert watching.value("trabecula_disk_watermark_bytes") == 0

    short = listener_watch(load_settings(data_dir=tmp_path, min_free_gib=1e6), running.listener, watching.journal)

    disk = next(check.find() for check in short.checks if check.name == "disk")
    assert (disk["ok"], "below the watermark of 1e+06 GiB" in disk["detail"]) == (False, True)


def test_when_the_certificate_ends(watching: Watching, tmp_path: Path) -> None:
    assert watching.value("trabecula_certificate_not_after_timestamp_seconds") is None
    certificate, key = self_signed(tmp_path, days=5)
    soon = Watching(watching.running, tmp_path, tls_certificate=certificate, tls_key=key)
    days = ((soon.value("trabecula_certificate_not_after_timestamp_seconds") or 0) - time.time()) / 86400
    assert 5 < days < 6


def test_what_runs(watching: Watching) -> None:
    assert watching.value("trabecula_build_info", version=__version__) == 1
