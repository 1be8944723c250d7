"""Cohorts of digital phantoms: who is in one, on which scanner, and the two tables that describe it."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path

from trabecula.domain.modality import Modality
from trabecula.domain.uids import StudyUid
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import TRUTH_FILE, write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import PhantomPatient, expected_t_score, generator, sample_patient
from trabecula.phantom.protocols import (
    COHORT_CT,
    COHORT_MR,
    FULL_CT,
    ROUTINE_CT,
    ROUTINE_MR,
    SMALL_CT,
    SMALL_MR,
    CtProtocol,
    MrProtocol,
)
from trabecula.phantom.study import CtStudySpec, MrStudySpec
from trabecula.phantom.tables import entry
from trabecula.phantom.variety import varied_ct, varied_mr

COHORT_FILE = "cohort.csv"
DETAILS_FILE = "phantoms.csv"


class Size(StrEnum):
    """How large the images are."""

    SMALL = "small"
    COHORT = "cohort"
    ROUTINE = "routine"
    FULL = "full"


class ReferenceChoice(StrEnum):
    """Which densitometry counts in cohort.csv."""

    DXA = "DXA"
    QCT = "QCT"


class Acquisitions(StrEnum):
    """Whether every patient is scanned alike."""

    VARIED = "varied"
    """Tube voltage, slices, pixels, times and noise differ between patients as they do in hospitals."""
    FIXED = "fixed"


_CT: dict[Size, CtProtocol] = {
    Size.SMALL: SMALL_CT,
    Size.COHORT: COHORT_CT,
    Size.ROUTINE: ROUTINE_CT,
    Size.FULL: FULL_CT,
}
_MR: dict[Size, MrProtocol] = {
    Size.SMALL: SMALL_MR,
    Size.COHORT: COHORT_MR,
    Size.ROUTINE: ROUTINE_MR,
    Size.FULL: ROUTINE_MR,
}


@dataclass(frozen=True, kw_only=True)
class CohortPlan:
    """What to make. ``sites`` hospitals have a scanner each; with ``external`` the last of them is the external set.

    ``null`` cuts the link between images and reference values. Patient ``n`` of a seed is the same person in every
    plan, so that a CT and an MR cohort of one seed hold the same people.
    """

    patients: int
    modality: Modality
    seed: int = 1
    size: Size = Size.COHORT
    reference: ReferenceChoice = ReferenceChoice.DXA
    sites: int = 1
    external: bool = False
    null: bool = False
    acquisitions: Acquisitions = Acquisitions.VARIED


@dataclass(frozen=True, kw_only=True)
class Member:
    """One person of a cohort: where the study lies (relative to the cohort's folder) and how it was acquired."""

    patient: PhantomPatient
    folder: str
    study_uid: StudyUid
    site: int
    scanner: str
    field_tesla: float | None
    external: bool


def scanners(modality: Modality) -> tuple[str, ...]:
    """Return the keys of the scanners of a modality, in the order in which sites get them."""
    keys = tuple(entry("scanners", modality.value.lower()))
    return keys if modality is Modality.CT else tuple(key for key in keys if key != "hitachi03")


def member(plan: CohortPlan, number: int) -> Member:
    """Return who patient ``number`` (from 1) of a plan is."""
    patient = sample_patient(plan.seed, number, null=plan.null)
    site = int(generator(plan.seed, number, 9).integers(plan.sites))
    keys = scanners(plan.modality)
    scanner = keys[site % len(keys)]
    made = _spec(plan, patient, scanner)
    return Member(
        patient=patient,
        folder=f"studies/{patient.patient_id}-{plan.modality.value}",
        study_uid=made.study_uid,
        site=site + 1,
        scanner=scanner,
        field_tesla=made.protocol.tesla if isinstance(made, MrStudySpec) else None,
        external=plan.external and site == plan.sites - 1,
    )


def spec(plan: CohortPlan, number: int) -> CtStudySpec | MrStudySpec:
    """Return the examination of patient ``number`` (from 1): who, on which scanner, by which protocol."""
    person = member(plan, number)
    return _spec(plan, person.patient, person.scanner)


def _spec(plan: CohortPlan, patient: PhantomPatient, scanner: str) -> CtStudySpec | MrStudySpec:
    case = f"cohort seed {plan.seed}{' null' if plan.null else ''}"
    varied = plan.acquisitions is Acquisitions.VARIED
    rng = generator(plan.seed, patient.number, 10)
    if plan.modality is Modality.CT:
        ct = replace(_CT[plan.size], scanner=scanner)
        return CtStudySpec(patient, varied_ct(ct, rng) if varied else ct, case=case)
    mr = replace(_MR[plan.size], scanner=scanner)
    return MrStudySpec(patient, varied_mr(mr, rng) if varied else mr, case=case)


def make_member(plan: CohortPlan, number: int, folder: Path) -> Member:
    """Make and write the study of one patient; what is already there in full stays."""
    person = member(plan, number)
    target = folder / person.folder
    truth = target / TRUTH_FILE
    if truth.is_file() and f'"{person.study_uid}"' in truth.read_text(encoding="utf-8"):
        return person
    made = spec(plan, number)
    study = make_ct_study(made) if isinstance(made, CtStudySpec) else make_mr_study(made)
    write_study(study, target)
    return person


def make_cohort(plan: CohortPlan, folder: Path, workers: int) -> Iterator[Member]:
    """Make every study of a plan in ``workers`` processes, yielding people as they are done, then write the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    done: list[Member] = []
    numbers = range(1, plan.patients + 1)
    for person in _made(plan, numbers, folder, workers):
        done.append(person)
        yield person
    done.sort(key=lambda person: person.patient.number)
    write_tables(plan, done, folder)


def _made(plan: CohortPlan, numbers: Iterable[int], folder: Path, workers: int) -> Iterator[Member]:
    if workers <= 1:
        for number in numbers:
            yield make_member(plan, number, folder)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(make_member, plan, number, folder) for number in numbers]
        for future in as_completed(futures):
            yield future.result()


def write_tables(plan: CohortPlan, members: Iterable[Member], folder: Path) -> None:
    """Write cohort.csv (what `trabecula-train` reads) and phantoms.csv (everything else that is known)."""
    people = list(members)
    _write(folder / COHORT_FILE, [_cohort_row(plan, person) for person in people])
    _write(folder / DETAILS_FILE, [_details_row(plan, person) for person in people])


def _cohort_row(plan: CohortPlan, person: Member) -> dict[str, object]:
    patient = person.patient
    z_score = patient.reference.t_score - expected_t_score(patient.age_years)
    return {
        "patient": patient.patient_id,
        "study": person.folder,
        "reference": plan.reference.value,
        "qct_bmd_mg_cm3": patient.reference.qct,
        "t_score": patient.reference.t_score,
        "z_score": round(z_score, 2),
        "age_years": patient.age_years,
        "sex": patient.sex.value[0].upper(),
        "height_cm": patient.height_cm,
        "weight_kg": patient.weight_kg,
        "site": f"site-{person.site}",
        "scanner": person.scanner,
        "part": "external" if person.external else "development",
    }


def _details_row(plan: CohortPlan, person: Member) -> dict[str, object]:
    patient = person.patient
    return {
        "patient": patient.patient_id,
        "study_uid": person.study_uid,
        "modality": plan.modality.value,
        "size": plan.size.value,
        "seed": plan.seed,
        "null": plan.null,
        "field_tesla": "" if person.field_tesla is None else person.field_tesla,
        "fractured": patient.fractured,
        **{f"density_{level.name}": round(bone.density, 2) for level, bone in patient.bone.items()},
        **{f"hu_{level.name}": round(bone.attenuation_hu, 2) for level, bone in patient.bone.items()},
        **{f"fat_{level.name}": round(bone.fat_fraction, 4) for level, bone in patient.bone.items()},
    }


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["patient"])
        writer.writeheader()
        writer.writerows(rows)
