"""Drawing a cohort from a ledger: selected, led to by folders, written, and its features kept where a run looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.services import services_of
from trabecula.domain.errors import SpoolObjectMissing, SpoolUnavailable
from trabecula.ledger.queries.cohort import reference_records, stated_issuers, study_records
from trabecula.pipeline.services import stored_files
from trabecula.settings import Settings
from trabecula_training.cohort.table import Part
from trabecula_training.errors import LedgerCohortEmpty
from trabecula_training.features.extraction import default_segmenter, segmenter_digest, store_of
from trabecula_training.features.of_cohort import features_place
from trabecula_training.ledger.cohort import STUDIES_FOLDER, CohortRule, Selection, select
from trabecula_training.ledger.features import keep_features, made_by_present
from trabecula_training.ledger.files import StudyFolder, link_study, write_cohort

OnStudy = Callable[[int, int], None]


@dataclass(frozen=True)
class KeptFeatures:
    """Studies whose features are kept; those made by another version of program or segmenter, which a run measures
    anew; and what went wrong with others."""

    kept: int = 0
    other_version: int = 0
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A cohort that was written. ``gone`` counts chosen studies whose images are no longer in the spool."""

    rule: CohortRule
    selection: Selection
    studies: tuple[StudyFolder, ...]
    gone: int
    features: KeptFeatures = field(default_factory=KeptFeatures)

    def document(self) -> dict[str, Any]:
        """Return the flow and the cohort's make-up as JSON values; nobody is named."""
        selection, patients = self.selection, [item.chosen.patient for item in self.studies]
        categories = [str(patient.category) for patient in patients]
        days = sorted(abs(item.chosen.days) for item in self.studies)
        return {
            "studies": selection.studies,
            "left_out": dict(selection.left_out),
            "images_gone": self.gone,
            "patients": len(patients),
            "external": sum(patient.part is Part.EXTERNAL for patient in patients),
            "categories": {name: categories.count(name) for name in sorted(set(categories))},
            "median_days": days[len(days) // 2] if days else None,
            "reference": str(self.rule.method),
            "sites": [str(site) for site in self.rule.sites],
            "window_days": self.rule.window_days,
            "flagged": {
                "in_cohort": selection.chosen_flagged,
                "of_cohort": len(selection.chosen),
                "in_fit_studies": selection.fit_flagged,
                "of_fit_studies": selection.fit,
            },
            "features": asdict(self.features),
        }


def draw(settings: Settings, engine: Engine, rule: CohortRule, out: Path, copy: bool) -> Drawn:
    """Select, link and write. Raises LedgerCohortEmpty, SpoolUnavailable (the output folder), DatabaseUnavailable."""
    with ledger_of(engine)() as ledger:
        installation = ledger.installation_uid()
        ledger.commit()
    references = reference_records(engine, rule.method)
    selection = select(study_records(engine), references, rule, installation, stated_issuers(engine))
    if not selection.chosen:
        told = "; ".join(f"{count} {why}" for why, count in selection.left_out.items())
        imported = "" if references else f"no {rule.method} is imported; "
        raise LedgerCohortEmpty(f"{imported}{selection.studies} studies: {told or 'none'}")
    studies = _folders(settings, engine, selection, out)
    if not studies:
        raise LedgerCohortEmpty(f"the images of all {len(selection.chosen)} chosen studies are gone from the spool")
    _write(studies, out, copy)
    return Drawn(rule=rule, selection=selection, studies=studies, gone=len(selection.chosen) - len(studies))


def _folders(settings: Settings, engine: Engine, selection: Selection, out: Path) -> tuple[StudyFolder, ...]:
    services = services_of(settings, engine)
    found: list[StudyFolder] = []
    for item in selection.chosen:
        with services.open_ledger() as ledger:
            try:
                files = stored_files(services, ledger, item.record.study_uid, item.record.revision)
            except SpoolObjectMissing:
                continue
        found.append(StudyFolder(item, files, out.parent / STUDIES_FOLDER / item.patient.patient))
    return tuple(found)


def _write(studies: Sequence[StudyFolder], out: Path, copy: bool) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for item in studies:
            link_study(item, copy)
        write_cohort(out, [item.chosen.patient for item in studies])
    except OSError as error:
        raise SpoolUnavailable(f"{out.parent}: {error.strerror}") from error


def keep(
    drawn: Drawn, settings: Settings, set_name: str, out: Path, workers: int, stability: int, on_study: OnStudy
) -> KeptFeatures:
    """Keep the features of the studies that this version measured; ``on_study`` hears how many of how many."""
    segmenter = default_segmenter().identity
    results = [item.chosen.record.result for item in drawn.studies]
    made = [result is not None and made_by_present(result, segmenter) for result in results]
    present = [item for item, now in zip(drawn.studies, made, strict=True) if now]
    store = store_of(features_place(out, set_name, out.parent).with_suffix(""), set_name, segmenter_digest())
    failed: list[str] = []
    kept = keep_features(present, store, set_name, settings.data_dir / "results", workers, stability)
    for number, found in enumerate(kept, start=1):
        failed += [f"{found.patient}: {found.problem}"] if found.problem else []
        on_study(number, len(present))
    return KeptFeatures(len(present) - len(failed), len(drawn.studies) - len(present), tuple(failed))
