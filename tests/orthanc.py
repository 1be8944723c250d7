"""A real Orthanc on loopback ports, configured and started by a test, ended by its process id."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AE_TITLE = "ORTHANC"


@dataclass
class Orthanc:
    """One Orthanc. ``modalities`` maps a name to [AE title, host, port]; ``lua`` is its script of rules; ``plugins``
    are files of Debian's packages, e.g. DICOMweb (its root is /dicom-web/)."""

    program: str
    folder: Path
    dicom_port: int
    http_port: int
    modalities: dict[str, Any] = field(default_factory=dict)
    lua: str = ""
    plugins: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {
            "Name": "trabecula-test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "DicomAet": AE_TITLE,
            "DicomPort": self.dicom_port,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": True,
            "DicomAssociationCloseDelay": 1,
            "UnknownSopClassAccepted": True,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "StableAge": 1,
            "Plugins": list(self.plugins),
            "DicomModalities": self.modalities,
        }
        if self.lua:
            script = self.folder / "rules.lua"
            script.write_text(self.lua)
            settings["LuaScripts"] = [str(script)]
        configuration = self.folder / "orthanc.json"
        configuration.write_text(json.dumps(settings))
        with (self.folder / "orthanc.log").open("wb") as log:
            self.process = subprocess.Popen([self.program, str(configuration)], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                self.get("/system")
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        raise AssertionError((self.folder / "orthanc.log").read_text()[-2000:])

    def stop(self) -> None:
        """End it and wait for its end."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def get(self, path: str) -> Any:
        """GET a JSON resource."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path: str, body: bytes | dict[str, Any] | list[Any] | str) -> Any:
        """POST bytes or JSON and return the JSON answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data=data, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def upload(self, file: bytes) -> None:
        """Put one DICOM file into it."""
        self.post("/instances", file)
