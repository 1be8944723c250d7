"""The identities of the objects of one result: UIDs that follow from everything the objects are made of."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Self

from trabecula.data import digest as file_digest
from trabecula.domain.identity import derived_uid, digest
from trabecula.domain.language import Language
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result_json import to_json
from trabecula.domain.uids import StudyUid
from trabecula.reporting.config import ReportingConfig
from trabecula.version import __version__


@dataclass(frozen=True)
class ToldIn:
    """The language of objects, and the SHA-256 of the font their pages are drawn with ("" for the packaged one)."""

    language: Language = Language.ENGLISH
    font_sha256: str = ""


def predecessors_of(context: ReportContext, language: Language) -> tuple[Predecessor, ...]:
    """Return the earlier report that one in this language supersedes: of the same language, else the newest there is;
    ``context`` has the newest first."""
    own = [item for item in context.predecessors if item.language is language]
    return tuple((own or list(context.predecessors))[:1])


def _texts_digest(language: Language) -> str:
    """Of the texts of a language: corrected ones make other objects. English ones are the result's own."""
    return file_digest(*(f"languages/{language}/{part}.toml" for part in ("report", "details", "reasons")))


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
    def of(cls, analysis: Analysis, context: ReportContext, config: ReportingConfig, told: ToldIn = ToldIn()) -> Self:
        """Return the identities of what ``analysis`` becomes under ``config``, in one language."""
        result = to_json(analysis.result)
        result.pop("timings_s")
        labels = [hashlib.sha256(item.labels.tobytes()).hexdigest() for item in analysis.volumes]
        parts = {
            "inputs": digest(file.sop_instance_uid for file in context.study_files),
            "result": result,
            "labels": labels,
            "software": __version__,
            "config": {key: value for key, value in dataclasses.asdict(config).items() if key != "cjk_font"},
            "analysed_at": context.analysed_at.isoformat(),
            "installation": context.installation_uid,
            "predecessors": [item.uids for item in predecessors_of(context, told.language)],
        }
        if told.language is not Language.ENGLISH:
            parts["language"] = [str(told.language), _texts_digest(told.language), told.font_sha256]
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
