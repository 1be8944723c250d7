"""Real senders against the listener: what they are answered and what then lies on disk."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, EnhancedSRStorage, SegmentationStorage
from pynetdicom import AE
from pynetdicom.presentation import build_context
from structlog.testing import capture_logs

from tests.builders import document, encoded, image, part10, uid, without_head, write_series
from tests.intake.conftest import QUICK, Running, after_row
from tests.intake.peers import RawPeer
from tests.waiting import wait_until
from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.spool import Spool
from trabecula.intake.upper_layer.negotiation import TRANSFER_SYNTAXES
from trabecula.testing import MemoryRegistrar

Tool = Callable[[str], str]


def _run(*command: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False)


def test_echoscu_is_answered(running: Running, require_tool: Tool) -> None:
    answer = _run(require_tool("echoscu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port))

    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("sender", ["storescu", "dcmsend"])
def test_a_series_arrives_byte_for_byte(running: Running, require_tool: Tool, tmp_path: Path, sender: str) -> None:
    files = write_series(tmp_path / "series", 12, rows=300)

    answer = _run(require_tool(sender), "-aec", "TRABECULA", "127.0.0.1", str(running.port), *files)

    assert answer.returncode == 0, answer.stderr
    assert len(running.registrar.instances) == 12
    for number, instance in enumerate(running.registrar.instances, 1):
        kept = running.spool.path(instance.spool_key).read_bytes()
        assert without_head(kept) == encoded(image(1, 1, number, rows=300))
        assert instance.sha256 == hashlib.sha256(kept).hexdigest()
        assert instance.size_bytes == len(kept)
        assert (instance.study_uid, instance.series_uid) == (uid(1), uid(1, 1))
        assert instance.sop_instance_uid == uid(1, 1, number)
        assert instance.calling_ae_title == sender.upper()
    assert running.left_aside() == []


def test_every_transfer_syntax_arrives_untouched(running: Running) -> None:
    syntaxes = sorted(TRANSFER_SYNTAXES)
    entity = AE(ae_title="PYNETDICOM")
    contexts = [build_context(CTImageStorage, syntax) for syntax in syntaxes]
    association = entity.associate("127.0.0.1", running.port, contexts, ae_title="TRABECULA")
    sent = {}
    try:
        for number, syntax in enumerate(syntaxes, 1):
            file = part10(image(number=number), syntax)
            sent[uid(1, 1, number)] = (syntax, without_head(file))
            path = running.spool.root / "sent.dcm"
            path.write_bytes(file)
            assert association.send_c_store(str(path)).Status == 0x0000, syntax
    finally:
        association.release()

    assert len(syntaxes) >= 13
    assert running.registrar.quarantined == ()
    assert {each.sop_instance_uid: each.transfer_syntax_uid for each in running.registrar.instances} == {
        instance: syntax for instance, (syntax, _) in sent.items()
    }
    for each in running.registrar.instances:
        kept = without_head(running.spool.path(each.spool_key).read_bytes())
        if not each.transfer_syntax_uid.endswith("1.2.1.99"):  # pynetdicom deflates again
            assert kept == sent[each.sop_instance_uid][1]


@pytest.mark.parametrize("option", ["+te", "+ti", "+tb", "+td"])
def test_dcmtk_encodings_arrive(running: Running, require_tool: Tool, tmp_path: Path, option: str) -> None:
    (source,) = write_series(tmp_path / "series", 1)
    converted = tmp_path / "converted.dcm"
    assert _run(require_tool("dcmconv"), option, source, converted).returncode == 0

    answer = _run(require_tool("dcmsend"), "-dn", "-aec", "TRABECULA", "127.0.0.1", str(running.port), converted)

    assert answer.returncode == 0, answer.stderr
    (instance,) = running.registrar.instances
    assert instance.study_uid == uid(1)
    dump = _run(require_tool("dcmdump"), "+P", "StudyInstanceUID", running.spool.path(instance.spool_key))
    assert uid(1) in dump.stdout


@pytest.mark.parametrize("senders", [4, 8])
def test_parallel_senders(running: Running, require_tool: Tool, tmp_path: Path, senders: int) -> None:
    series = [write_series(tmp_path / str(study), 10, study=study, rows=128) for study in range(1, senders + 1)]
    program = require_tool("storescu")

    processes = [
        subprocess.Popen([program, "-aec", "TRABECULA", "127.0.0.1", str(running.port), *map(str, files)])
        for files in series
    ]
    codes = [process.wait(60) for process in processes]

    assert codes == [0] * senders
    assert len(running.registrar.instances) == 10 * senders
    for instance in running.registrar.instances:
        assert hashlib.sha256(running.spool.path(instance.spool_key).read_bytes()).hexdigest() == instance.sha256


def test_a_repeated_send_changes_nothing(running: Running, require_tool: Tool, tmp_path: Path) -> None:
    files = write_series(tmp_path / "series", 3)
    command = (require_tool("storescu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port), *files)
    assert _run(*command).returncode == 0
    before = running.registrar.instances, {path: path.stat().st_mtime_ns for path in running.files()}

    assert _run(*command).returncode == 0

    assert (running.registrar.instances, {path: path.stat().st_mtime_ns for path in running.files()}) == before
    assert running.registrar.quarantined == ()


def test_the_end_of_an_association_names_the_studies_it_brought(
    running: Running, require_tool: Tool, tmp_path: Path
) -> None:
    files = write_series(tmp_path / "series", 3)
    with capture_logs() as lines:
        assert (
            _run(require_tool("storescu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port), *files).returncode == 0
        )
        wait_until(lambda: running.listener.open_associations == 0)

    (ended,) = [line for line in lines if line["event"] == "association.ended"]
    assert (ended["messages"], ended["study_uids"]) == (3, [uid(1)])


def test_other_content_under_a_known_uid_goes_to_quarantine(running: Running) -> None:
    first, second = image(), image()
    second.PatientID = "ALTERED"
    with RawPeer(running.port) as peer:
        peer.associate()
        statuses = [peer.store(encoded(each), sop_instance=uid(1, 1, 1)) for each in (first, second)]
        peer.release()

    assert statuses == [0, 0]
    (kept,) = running.registrar.instances
    assert without_head(running.spool.path(kept.spool_key).read_bytes()) == encoded(first)
    (conflict,) = running.registrar.quarantined
    assert conflict.fault.startswith("INSTANCE_CONFLICT: An instance came twice under one SOP Instance UID")
    assert conflict.study_uid == uid(1)
    assert without_head(running.spool.path(conflict.spool_key).read_bytes()) == encoded(second)


@pytest.mark.parametrize(
    ("data_set", "reason"),
    [
        (b"this is not a data set at all", "not in the negotiated transfer syntax"),
        (b"", "no data set"),
        (encoded(image())[:40], "cut off"),
        (encoded(image(number=2)), "different SOP Instance UIDs"),
        (encoded(document(), "1.2.840.10008.1.2"), "not in the negotiated transfer syntax"),
    ],
)
def test_what_cannot_be_read_goes_to_quarantine_and_the_association_goes_on(
    running: Running, data_set: bytes, reason: str
) -> None:
    with RawPeer(running.port) as peer:
        peer.associate()
        odd = peer.store(data_set, sop_instance=uid(1, 1, 1))
        sound = peer.store(encoded(image(number=7)), sop_instance=uid(1, 1, 7))
        peer.release()

    assert (odd, sound) == (0, 0)
    (quarantined,) = running.registrar.quarantined
    assert quarantined.fault.startswith("INSTANCE_UNPARSABLE: ")
    assert reason in quarantined.fault
    assert without_head(running.spool.path(quarantined.spool_key).read_bytes()) == data_set
    assert [each.sop_instance_uid for each in running.registrar.instances] == [uid(1, 1, 7)]
    assert running.left_aside() == []


def test_what_is_not_wanted_is_acknowledged_and_dropped(running: Running, require_tool: Tool, tmp_path: Path) -> None:
    report, own, foreign = tmp_path / "sr.dcm", tmp_path / "own.dcm", tmp_path / "foreign.dcm"
    report.write_bytes(part10(document(sop_class=EnhancedSRStorage)))
    segmentation = document(number=2, sop_class=SegmentationStorage)
    foreign.write_bytes(part10(segmentation))
    segmentation.SOPInstanceUID = uid(1, 900, 3)
    segmentation.Manufacturer = "Trabecula"
    own.write_bytes(part10(segmentation))

    answer = _run(require_tool("dcmsend"), "-aec", "TRABECULA", "127.0.0.1", str(running.port), report, own, foreign)

    assert answer.returncode == 0, answer.stderr
    assert [each.sop_instance_uid for each in running.registrar.instances] == [uid(1, 900, 2)]
    assert len(running.files()) == 1
    assert running.left_aside() == []


def test_wrong_titles_are_rejected(start: Callable[..., Running], require_tool: Tool) -> None:
    running = start(calling_ae_titles=frozenset({"PACS"}))
    echo = require_tool("echoscu")

    wrong_called = _run(echo, "-aet", "PACS", "-aec", "OTHER", "127.0.0.1", str(running.port))
    wrong_calling = _run(echo, "-aet", "STRANGER", "-aec", "TRABECULA", "127.0.0.1", str(running.port))
    right = _run(echo, "-aet", "PACS", "-aec", "TRABECULA", "127.0.0.1", str(running.port))

    assert "Called AE Title Not Recognized" in wrong_called.stderr
    assert "Calling AE Title Not Recognized" in wrong_calling.stderr
    assert right.returncode == 0


def test_a_full_disk_refuses_and_the_sender_hears_it(
    start: Callable[..., Running], require_tool: Tool, tmp_path: Path
) -> None:
    running = start(min_free_bytes=1 << 60)
    (file,) = write_series(tmp_path / "series", 1)

    answer = _run(require_tool("storescu"), "-v", "-aec", "TRABECULA", "127.0.0.1", str(running.port), file)

    assert "OutOfResources" in answer.stdout + answer.stderr or "0xa700" in (answer.stdout + answer.stderr).lower()
    assert running.files() == []
    assert running.registrar.instances == ()


class FailingRegistrar(MemoryRegistrar):
    """A registrar whose database is away until it is told otherwise."""

    def __init__(self, failure: Exception) -> None:
        super().__init__()
        self.failure: Exception | None = failure

    def register(self, instance: ReceivedInstance) -> bool:
        if self.failure is not None:
            raise self.failure
        return super().register(instance)

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        if self.failure is not None:
            raise self.failure
        super().commitment_answered(transaction_uid, committed)


@after_row
@pytest.mark.parametrize(
    ("failure", "status"), [(DatabaseUnavailable("gone"), 0xA700), (RuntimeError("a fault of ours"), 0x0110)]
)
def test_without_a_row_there_is_no_success(start: Callable[..., Running], failure: Exception, status: int) -> None:
    registrar = FailingRegistrar(failure)
    running = start(registrar)
    with RawPeer(running.port) as peer:
        peer.associate()
        refused = peer.store(encoded(image()), sop_instance=uid(1, 1, 1))
        registrar.failure = None
        accepted = peer.store(encoded(image()), sop_instance=uid(1, 1, 1))
        peer.release()

    assert (refused, accepted) == (status, 0)
    assert len(registrar.instances) == 1


def test_echo_is_answered_while_every_sender_stands_still(start: Callable[..., Running], require_tool: Tool) -> None:
    running = start(max_associations=50)
    peers = [RawPeer(running.port) for _ in range(40)]
    for peer in peers:
        peer.associate()
        peer.send(bytes.fromhex("040000010000"))  # the header of a PDU that does not come

    answer = _run(require_tool("echoscu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port), timeout=5)

    for peer in peers:
        peer.socket.close()
    assert answer.returncode == 0


def test_associations_beyond_the_limit_are_refused_for_now(start: Callable[..., Running], require_tool: Tool) -> None:
    running = start(max_associations=2)
    echo = (require_tool("echoscu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port))
    first, second = RawPeer(running.port), RawPeer(running.port)
    first.associate()
    second.associate()

    refused = _run(*echo)
    first.release()
    first.socket.close()
    wait_until(lambda: running.listener.open_associations == 1)
    accepted = _run(*echo)
    second.socket.close()

    assert "Rejected Transient" in refused.stderr
    assert "Local Limit Exceeded" in refused.stderr
    assert accepted.returncode == 0


def test_a_flood_of_connections_leaves_nothing_behind(start: Callable[..., Running], require_tool: Tool) -> None:
    running = start(max_associations=8, limits=QUICK)
    peers = [RawPeer(running.port) for _ in range(200)]

    wait_until(lambda: running.listener.open_associations == 0)

    for peer in peers:
        peer.socket.close()
    answer = _run(require_tool("echoscu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port))
    assert answer.returncode == 0


def test_it_starts_again_on_the_same_port(running: Running, require_tool: Tool, tmp_path: Path) -> None:
    files = write_series(tmp_path / "series", 2)
    send = (require_tool("storescu"), "-aec", "TRABECULA", "127.0.0.1", str(running.port))
    assert _run(*send, files[0]).returncode == 0
    running.listener.stop()
    refused = _run(*send, files[1])
    registrar = MemoryRegistrar()
    again = Listener(ListenerConfig(port=running.port, min_free_bytes=0), Spool(running.spool.root), registrar)
    again.start()
    try:
        accepted = _run(*send, *files)
    finally:
        again.stop()

    assert refused.returncode != 0
    assert accepted.returncode == 0
    assert len(registrar.instances) == 2


def test_a_taken_port_is_a_configuration_error(running: Running) -> None:
    second = Listener(ListenerConfig(port=running.port), running.spool, running.registrar)

    with pytest.raises(ConfigurationInvalid) as error:
        second.start()

    assert error.value.code == "PORT_TAKEN"
    assert f"127.0.0.1:{running.port}" in error.value.sentence
    assert "dicom_port" in error.value.next_step


def test_drain_lets_a_running_transfer_end(running: Running) -> None:
    with RawPeer(running.port) as peer:
        peer.associate()
        content = encoded(image())
        threading.Thread(target=running.listener.drain, args=(10,), daemon=True).start()
        status = peer.store(content, sop_instance=uid(1, 1, 1), fragment=100)
        peer.release()

    assert status == 0
    assert len(running.registrar.instances) == 1


def test_drain_ends_silent_associations_at_once_and_stalled_ones_at_its_end(running: Running) -> None:
    with RawPeer(running.port) as silent, RawPeer(running.port) as stalled:
        silent.associate()
        stalled.associate()
        stalled.send(bytes.fromhex("040000010000"))
        wait_until(lambda: running.listener.open_associations == 2)

        aborted = running.listener.drain(2.5)

        assert aborted == 1
        assert silent.receive() == (7, bytes(4))
        assert stalled.receive()[0] == 7
    assert running.listener.open_associations == 0
