"""Real destinations: DCMTK's storescp, Orthanc, and receivers of pynetdicom that answer what a test wants."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.presentation import build_context

from tests.builders import part10
from tests.waiting import wait_until
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.peers.connection import Timeouts
from trabecula.peers.sender import StoreSender

QUICK = Timeouts(connect_seconds=2, negotiate_seconds=2, answer_seconds=2)


def result_object(data_set: Any, *alternatives: Any, kind: ObjectKind = ObjectKind.STRUCTURED_REPORT) -> ResultObject:
    """Return a data set as the reporter would hand it over."""
    return ResultObject(
        kind=kind,
        sop_class_uid=str(data_set.SOPClassUID),
        sop_instance_uid=str(data_set.SOPInstanceUID),
        series_uid=str(data_set.SeriesInstanceUID),
        content=part10(data_set),
        alternatives=tuple(result_object(each, kind=kind) for each in alternatives),
    )


@dataclass
class Storescp:
    """A running storescp."""

    destination: Destination
    folder: Path

    def received(self) -> list[Path]:
        return sorted(path for path in self.folder.iterdir() if path.is_file())


@pytest.fixture
def storescp(
    require_tool: Callable[[str], str], free_port: Callable[[], int], tmp_path: Path
) -> Iterator[Callable[..., Storescp]]:
    """Return a function that starts a storescp with options of its own."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(*options: str) -> Storescp:
        folder = tmp_path / f"received-{len(processes)}"
        folder.mkdir()
        port = free_port()
        processes.append(
            subprocess.Popen([require_tool("storescp"), "-aet", "PACS", "-od", str(folder), *options, str(port)])
        )
        destination = Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=port)
        wait_until(lambda: _answers(destination))
        return Storescp(destination, folder)

    yield begin
    for process in processes:
        process.terminate()
        process.wait(10)


def _answers(destination: Destination) -> bool:
    try:
        StoreSender("PROBE", QUICK).echo(destination)
    except DestinationUnreachable:
        return False
    return True


@pytest.fixture
def receiver() -> Iterator[Callable[..., Destination]]:
    """Return a function that starts a pynetdicom receiver for SOP classes with handlers."""
    servers: list[Any] = []

    def begin(
        classes: list[str],
        handlers: list[Any],
        syntaxes: tuple[str, ...] = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2"),
        **entity_settings: Any,
    ) -> Destination:
        entity = AE(ae_title="PACS")
        for name, value in entity_settings.items():
            setattr(entity, name, value)
        contexts = [build_context(uid, list(syntaxes)) for uid in classes]
        server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers, contexts=contexts)
        servers.append((entity, server))
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=server.socket.getsockname()[1])

    yield begin
    for entity, _ in servers:
        entity.shutdown()
