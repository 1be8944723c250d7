"""The identities of the objects of one result: UIDs that follow from everything the objects are made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Self

from trabecula.domain.identity import derived_uid, digest
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.result_json import to_json
from trabecula.domain.uids import StudyUid
from trabecula.reporting.config import ReportingConfig
from trabecula.version import __version__


@dataclass(frozen=True)
class Identities:
    """Derives the UIDs of one result.

    The same instances, versions, settings, result and times give the same UIDs; anything else gives others, so that no
    UID is ever sent with two contents. Tracking UIDs follow the study and the vertebra alone (they stay when models
    change).
    """

    study_uid: StudyUid
    revision: int
    fingerprint: str
    root: str

    @classmethod
    def of(cls, analysis: Analysis, context: ReportContext, config: ReportingConfig) -> Self:
        """Return the identities of what ``analysis`` becomes under ``config``."""
        result = to_json(analysis.result)
        result.pop("timings_s")
        labels = [hashlib.sha256(item.labels.tobytes()).hexdigest() for item in analysis.volumes]
        parts = {
            "inputs": digest(file.sop_instance_uid for file in context.study_files),
            "result": result,
            "labels": labels,
            "software": __version__,
            "config": dataclasses.asdict(config),
            "analysed_at": context.analysed_at.isoformat(),
            "installation": context.installation_uid,
            "predecessors": [item.uids for item in context.predecessors],
        }
        fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        return cls(analysis.result.study_uid, analysis.result.revision, fingerprint, config.uid_root)

    def instance(self, kind: str) -> str:
        """Return the SOP Instance UID of the object of this kind (for a fall-back: kind and SOP Class UID)."""
        return self._derived("instance", kind)

    def series(self, kind: str) -> str:
        """Return the Series Instance UID of the objects of this kind."""
        return self._derived("series", kind)

    def dimension_organization(self) -> str:
        """Return the Dimension Organization UID of the segmentation."""
        return self._derived("dimension", "SEG")

    def tracking(self, name: str) -> str:
        """Return the Tracking UID of a vertebra or of the lumbar spine as a whole."""
        return derived_uid(self.study_uid, "tracking", name, root=self.root)

    def device(self, *parts: str) -> str:
        """Return the Device UID of an algorithm: it changes with the algorithm's version."""
        return derived_uid("device", *parts, root=self.root)

    def _derived(self, *parts: str) -> str:
        return derived_uid(self.study_uid, str(self.revision), self.fingerprint, *parts, root=self.root)
