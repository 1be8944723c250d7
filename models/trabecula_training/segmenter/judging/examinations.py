"""Whole examinations of digital phantoms as cases: their contrast comes from physics, not from training's palettes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from trabecula.domain.modality import Modality
from trabecula.domain.volume import Volume
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import (
    SMALL_CT,
    SMALL_MR,
    CtProtocol,
    MrProtocol,
    MrSequence,
    Weighting,
    with_sequences,
)
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomSeries
from trabecula_training.segmenter.judging.phantom_cases import BODY_ONLY, PhantomCase

SEED = 41_000


@dataclass(frozen=True)
class Examination:
    """One series (``role``: CT, T1, T2, STIR) of an examination by a protocol, with something wrong on purpose."""

    protocol: CtProtocol | MrProtocol
    role: str
    defects: frozenset[Defect] = frozenset()


def ct_examination(*defects: Defect, **changes: object) -> Examination:
    """An axial CT of 2.5 mm slices, with changes of its protocol."""
    return Examination(replace(SMALL_CT, **changes), "CT", frozenset(defects))  # type: ignore[arg-type]


def mr_examination(role: str, *defects: Defect, **changes: object) -> Examination:
    """A sagittal MR series of 4.4 mm slices, with changes of its protocol."""
    protocol = with_sequences(SMALL_MR, MrSequence(weighting=Weighting(role)))
    return Examination(replace(protocol, **changes), role, frozenset(defects))  # type: ignore[arg-type]


def examine(number: int, options: Examination) -> PhantomCase:
    """Make examination ``number``; the same number and options give the same volume."""
    patient = sample_patient(SEED, number)
    if isinstance(options.protocol, CtProtocol):
        study = make_ct_study(CtStudySpec(patient, options.protocol, options.defects))
    else:
        study = make_mr_study(MrStudySpec(patient, options.protocol, options.defects))
    return case_of(study.series_of(options.role))


def case_of(series: PhantomSeries) -> PhantomCase:
    """The volume of a series as the service would read it, and its bodies by the border convention of its modality."""
    labels = np.zeros(series.volume.geometry.shape, np.uint8) if series.labels is None else series.labels.copy()
    labels[labels == 26] = 0
    if series.volume.modality is Modality.MR and series.tissue is not None:
        labels[np.isin(series.tissue, BODY_ONLY)] = 0
    volume = Volume(
        array=np.asarray(series.volume.array, np.float32),
        geometry=series.volume.geometry,
        modality=series.volume.modality,
    )
    return PhantomCase(volume, labels)
