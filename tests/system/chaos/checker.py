"""The checker: decides from histories alone what was lost, doubled or stuck; ``python -m tests.system.chaos.checker``.

It reads what senders noted (``sender.jsonl``), what the operator did (``operator.jsonl``) and every object that the
PACS received (``pacs/``, one file for each reception, also of one that came twice). It never asks the service.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from pydicom import Dataset, dcmread

from tests.system.chaos.history import read_history

IMAGES_RECEIVED = "IMAGES-TOTAL"


@dataclass(frozen=True)
class Verdict:
    """Counts of studies; ``faults`` is how often the operator did harm."""

    studies: int
    faults: int
    lost: int
    doubled: int
    stuck: int

    @property
    def is_sound(self) -> bool:
        return not (self.lost or self.doubled or self.stuck)


@dataclass(frozen=True)
class Report:
    """A Structured Report as the PACS received it: which ones it replaces, and how many images it says had come."""

    predecessors: frozenset[str]
    images: int


def check(folder: Path) -> Verdict:
    """Return the verdict on a run.

    Stuck: a study whose images were all acknowledged, and the PACS has no report of it. Lost: its last report counts
    fewer images than were acknowledged. Doubled: two reports of which neither replaces the other, or two objects
    with different bytes under one UID.
    """
    wanted, acknowledged = _sent(folder)
    reports, doubled = _received(folder / "pacs")
    lost, stuck = set(), set()
    for study, images in wanted.items():
        if not images <= acknowledged:
            continue  # its sender was never told that all of it is here
        found = reports.get(study, {})
        replaced = {uid for report in found.values() for uid in report.predecessors}
        last = [report for uid, report in found.items() if uid not in replaced]
        if not last:
            stuck.add(study)
        elif len(last) > 1:
            doubled.add(study)
        elif last[0].images < len(images):
            lost.add(study)
    faults = sum(line["what"] == "fault" for line in read_history(folder / "operator.jsonl"))
    return Verdict(len(wanted), faults, len(lost), len(doubled), len(stuck))


def _sent(folder: Path) -> tuple[dict[str, set[str]], set[str]]:
    wanted: dict[str, set[str]] = {}
    acknowledged: set[str] = set()
    for line in read_history(folder / "sender.jsonl"):
        if line["what"] == "sends":
            wanted[line["study"]] = set(line["images"])
        elif line["what"] == "acknowledged":
            acknowledged |= set(line["images"])
    return wanted, acknowledged


def _received(folder: Path) -> tuple[dict[str, dict[str, Report]], set[str]]:
    """Return the reports of each study by UID, and the studies of which one UID came with different bytes."""
    reports: dict[str, dict[str, Report]] = defaultdict(dict)
    bytes_of: dict[str, str] = {}
    doubled: set[str] = set()
    for path in sorted(folder.iterdir()):
        data_set = dcmread(path)
        digest = hashlib.sha256(data_set.to_json().encode()).hexdigest()
        if bytes_of.setdefault(data_set.SOPInstanceUID, digest) != digest:
            doubled.add(data_set.StudyInstanceUID)
        if data_set.Modality == "SR":
            reports[data_set.StudyInstanceUID][data_set.SOPInstanceUID] = Report(
                _predecessors(data_set), _images_received(data_set)
            )
    return reports, doubled


def _predecessors(report: Dataset) -> frozenset[str]:
    """Return the documents that a report replaces (PS3.3 C.17.2)."""
    return frozenset(
        instance.ReferencedSOPInstanceUID
        for study in report.get("PredecessorDocumentsSequence") or ()
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    )


def _images_received(item: Dataset) -> int:
    """Return the sum of the numbers with the concept "Images received" (docs/conformance.md) in a content tree."""
    concept = item.get("ConceptNameCodeSequence") or [Dataset()]
    counted = concept[0].get("CodeValue") == IMAGES_RECEIVED and "MeasuredValueSequence" in item
    own = int(item.MeasuredValueSequence[0].NumericValue) if counted else 0
    return own + sum(_images_received(child) for child in item.get("ContentSequence") or ())


def main() -> int:
    """Print the verdict of the folder on the command line as one JSON line; 1 where it is not sound."""
    verdict = check(Path(sys.argv[1]))
    print(json.dumps(asdict(verdict)))
    return 0 if verdict.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
