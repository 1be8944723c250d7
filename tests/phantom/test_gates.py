"""Every injected defect, through the analyser with the phantom's own masks: the code that names it, and the outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.imaging.headers.frames import scan_folder
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy

PATIENT = sample_patient(7, 3)


def analysed(study: PhantomStudy, folder: Path) -> StudyResult:
    write_study(study, folder)
    analyser = StudyAnalyser(TruthSegmenter([study]), (), load_thresholds())
    return analyser.analyse(study.study_uid, 1, scan_folder(folder)).result


@pytest.mark.parametrize(
    ("defect", "code", "evaluable"),
    [
        (Defect.GADOLINIUM, ReasonCode.POST_CONTRAST_MR, False),
        (Defect.FAT_SATURATED, ReasonCode.SEQUENCE_UNSUPPORTED, False),
        (Defect.STIR_LABELLED_T1, ReasonCode.SEQUENCE_UNSUPPORTED, False),
        (Defect.UPSIDE_DOWN, ReasonCode.UPSIDE_DOWN, False),
        (Defect.NOISE, ReasonCode.CSF_ROI, False),
        (Defect.METAL, ReasonCode.METAL, True),
        (Defect.MISSING_SLICES, ReasonCode.MISSING_SLICES, False),
        (Defect.TRUNCATED, ReasonCode.BORDER, False),
        (Defect.SCOLIOSIS, ReasonCode.SCOLIOSIS, True),
        (Defect.NO_SPINE, ReasonCode.NOT_A_SPINE, False),
    ],
    ids=str,
)
def test_mr_defects(tmp_path: Path, defect: Defect, code: ReasonCode, evaluable: bool) -> None:
    study = make_mr_study(MrStudySpec(PATIENT, defects=frozenset({defect})))

    result = analysed(study, tmp_path)

    assert code in [reason.code for reason in result.reasons]
    assert (result.category is not Category.NOT_EVALUABLE) is evaluable


@pytest.mark.parametrize(
    ("defect", "code", "evaluable"),
    [
        (Defect.SHARP_KERNEL, ReasonCode.KERNEL_SHARP, True),
        (Defect.KVP_100, ReasonCode.KVP_ADJUSTED, True),
        (Defect.NOISE, ReasonCode.LOW_DOSE_NOISE, True),
        (Defect.UPSIDE_DOWN, ReasonCode.UPSIDE_DOWN, False),
        (Defect.TRUNCATED, ReasonCode.FOV_TRUNCATION, False),
        (Defect.THORACIC_ONLY, ReasonCode.TOO_FEW_LEVELS, False),
        (Defect.NO_SPINE, ReasonCode.NOT_A_SPINE, False),
        (Defect.CRUSH, ReasonCode.FRACTURE_LEVEL, True),
        (Defect.BICONCAVE, ReasonCode.FRACTURE_LEVEL, True),
        (Defect.SCOLIOSIS, ReasonCode.SCOLIOSIS, True),
        (Defect.ARTERIAL, ReasonCode.CONTRAST_PHASE, True),
    ],
    ids=str,
)
def test_ct_defects(tmp_path: Path, defect: Defect, code: ReasonCode, evaluable: bool) -> None:
    study = make_ct_study(CtStudySpec(PATIENT, defects=frozenset({defect})))

    result = analysed(study, tmp_path)

    assert code in [reason.code for reason in result.reasons]
    assert (result.category is not Category.NOT_EVALUABLE) is evaluable


@pytest.mark.parametrize("defect", [Defect.FOUR_LUMBAR, Defect.SIX_LUMBAR])
def test_a_transitional_spine_is_measured_and_its_numbering_is_said_to_be_counted(
    tmp_path: Path, defect: Defect
) -> None:
    study = make_ct_study(CtStudySpec(PATIENT, defects=frozenset({defect})))

    result = analysed(study, tmp_path)

    assert ReasonCode.LEVELS_ASSUMED in [reason.code for reason in result.reasons]
    assert study.truth.lumbar_count == (4 if defect is Defect.FOUR_LUMBAR else 6)
