"""Real volumes in a plan of training: which folders, what share of the samples, and which patients are held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from trabecula_training.errors import RealDataInvalid
from trabecula_training.segmenter.real.data import RealCase
from trabecula_training.segmenter.real.folder import RealFolder, RealSource

PHANTOMS_ONLY = "digital phantoms only"


@dataclass(frozen=True, kw_only=True)
class RealPlan:
    """``share`` of the samples comes from real volumes. Patients are dealt into ``folds``; those of ``fold`` are held
    out and evaluated, one fold holds nobody out. ``volumes`` of ``patients`` are learned from."""

    sources: tuple[RealSource, ...]
    share: float
    folds: int
    fold: int
    volumes: int
    patients: int


@dataclass(frozen=True, eq=False)
class RealSplit:
    """The volumes to learn from and those of the patients held out."""

    learn: tuple[RealCase, ...]
    held_out: tuple[RealCase, ...]
    held_out_patients: int


def plan_real(folders: Sequence[RealFolder], share: float, folds: int, fold: int) -> RealPlan:
    """Plan what to learn from these folders; raises RealDataInvalid where folds and patients do not fit."""
    people = {case.patient for folder in folders for case in folder.cases}
    if not 0.0 < share < 1.0:
        raise RealDataInvalid(f"the share {share:g} is not between 0 and 1")
    if not 0 <= fold < folds:
        raise RealDataInvalid(f"fold {fold} is none of 0 to {folds - 1}")
    if folds > len(people):
        raise RealDataInvalid(f"{folds} folds need as many patients; there are {len(people)}")
    if len({folder.source.name for folder in folders}) < len(folders):
        raise RealDataInvalid("two folders have one name, and their patients could not be told apart")
    out = _held_out(people, folds, fold)
    return RealPlan(
        sources=tuple(folder.source for folder in folders),
        share=share,
        folds=folds,
        fold=fold,
        volumes=sum(case.patient not in out for folder in folders for case in folder.cases),
        patients=len(people - out),
    )


def split(folders: Sequence[RealFolder], plan: RealPlan) -> RealSplit:
    """Deal volumes by patient: nobody is on both sides. Which fold a patient is in depends on names alone."""
    cases = [case for folder in folders for case in folder.cases]
    out = _held_out({case.patient for case in cases}, plan.folds, plan.fold)
    return RealSplit(
        learn=tuple(case.case for case in cases if case.patient not in out),
        held_out=tuple(case.case for case in cases if case.patient in out),
        held_out_patients=len(out),
    )


def _held_out(people: set[str], folds: int, fold: int) -> set[str]:
    dealt = sorted(people, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return {name for place, name in enumerate(dealt) if folds > 1 and place % folds == fold}


def trained_on(plan: RealPlan | None, before: str = "") -> str:
    """What a bundle says it was trained on, after what the bundle that it started from says; never the name of a
    volume."""
    real = before not in ("", PHANTOMS_ONLY)
    if plan is None:
        return before if real else PHANTOMS_ONLY
    named = "; ".join(f"{source.attribution.rstrip('.')}, {source.licence}" for source in plan.sources)
    volumes = f"{plan.volumes} real volumes of {plan.patients} patients ({named})"
    return f"{before}; then {volumes}" if real else f"digital phantoms and {volumes}"
