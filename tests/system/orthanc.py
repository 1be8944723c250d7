"""A real Orthanc on loopback ports, with a routing rule of its own, as the PACS of a test."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.system.service import wait_until

ROUTE = Path(__file__).parents[2] / "deploy" / "test-pacs" / "route.lua"


class Orthanc:
    """Started by hand, ended by pid; speaks DICOM on ``dicom_port`` and REST on ``http_port``."""

    def __init__(self, program: str, folder: Path, dicom_port: int, http_port: int, trabecula_port: int) -> None:
        self.dicom_port = dicom_port
        self.http_port = http_port
        self._folder = folder
        self._program = program
        self._trabecula_port = trabecula_port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = {
            "Name": "TEST-PACS",
            "DicomAet": "ORTHANC",
            "DicomPort": self.dicom_port,
            "HttpPort": self.http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomCheckCalledAet": True,
            "DicomCheckModalityHost": True,
            "DicomAlwaysAllowStore": True,
            "StorageDirectory": str(self._folder / "db"),
            "IndexDirectory": str(self._folder / "db"),
            "StableAge": 2,
            "DicomAssociationCloseDelay": 1,
            "UnknownSopClassAccepted": True,
            "DicomModalities": {
                "trabecula": {
                    "AET": "TRABECULA",
                    "Host": "127.0.0.1",
                    "Port": self._trabecula_port,
                    "AllowStorageCommitment": True,
                }
            },
            "LuaScripts": [str(ROUTE)],
        }
        path = self._folder / "orthanc.json"
        path.write_text(json.dumps(configuration))
        with (self._folder / "orthanc.log").open("wb") as log:
            self._process = subprocess.Popen([self._program, str(path)], stdout=log, stderr=log)
        wait_until(self._answers, 30, "Orthanc")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def file(self, instance: str) -> bytes:
        url = f"http://127.0.0.1:{self.http_port}/instances/{instance}/file"
        with urllib.request.urlopen(url, timeout=30) as answer:
            content: bytes = answer.read()
            return content

    def study(self, study_uid: str) -> str | None:
        body = json.dumps({"Level": "Study", "Query": {"StudyInstanceUID": study_uid}}).encode()
        url = f"http://127.0.0.1:{self.http_port}/tools/find"
        with urllib.request.urlopen(urllib.request.Request(url, data=body, method="POST"), timeout=30) as answer:
            found = json.loads(answer.read())
        return found[0] if found else None

    def instances_by_modality(self, study_uid: str) -> dict[str, list[str]]:
        study = self.study(study_uid)
        found: dict[str, list[str]] = {}
        for series in self.get(f"/studies/{study}")["Series"] if study else ():
            document = self.get(f"/series/{series}")
            found.setdefault(document["MainDicomTags"]["Modality"], []).extend(document["Instances"])
        return found

    def times_stable(self, study_uid: str) -> int:
        """Return how often the study has been stable: once for its images, and again when results came back."""
        study = self.study(study_uid)
        changes = self.get("/changes?limit=5000")["Changes"]
        return sum(change["ChangeType"] == "StableStudy" and change["ID"] == study for change in changes)

    def store_jobs(self) -> list[dict[str, Any]]:
        jobs = [self.get(f"/jobs/{job}") for job in self.get("/jobs")]
        return [job for job in jobs if job["Type"] == "DicomModalityStore"]

    def _answers(self) -> bool:
        try:
            return bool(self.get("/system"))
        except (urllib.error.URLError, ConnectionError):
            return False
