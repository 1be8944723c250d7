"""The demo's own PACS: receives result objects over DICOM, writes them to a folder, and can wait for them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, VerificationPresentationContexts, evt


class ResultReceiver:
    """A C-STORE SCP on 127.0.0.1 that keeps each object as ``<modality>-<n>.dcm`` in a folder."""

    def __init__(self, folder: Path, ae_title: str = "DEMO-PACS") -> None:
        self.ae_title = ae_title
        self._folder = folder
        self._received: dict[str, Path] = {}
        self._more = threading.Condition()
        self._server: Any = None

    def start(self) -> int:
        """Listen on a free port and return it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ae = AE(ae_title=self.ae_title)
        for context in (*AllStoragePresentationContexts, *VerificationPresentationContexts):
            ae.add_supported_context(str(context.abstract_syntax), ALL_TRANSFER_SYNTAXES)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, lambda _event: 0x0000)]
        self._server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
        return int(self._server.socket.getsockname()[1])

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()

    def wait_for(self, modality: str, timeout_s: float) -> Path | None:
        """Return the path of the first object of a modality, or None when none came in time."""
        with self._more:
            self._more.wait_for(lambda: modality in self._received, timeout_s)
            return self._received.get(modality)

    @property
    def received(self) -> dict[str, Path]:
        """The newest object of each modality."""
        with self._more:
            return dict(self._received)

    def _store(self, event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        modality = str(dataset.get("Modality", "OT"))
        path = self._folder / f"{modality}-{len(self._received) + 1}.dcm"
        dataset.save_as(path, enforce_file_format=True)
        with self._more:
            self._received[modality] = path
            self._more.notify_all()
        return 0x0000
