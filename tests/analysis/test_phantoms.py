"""The analyser on whole phantom studies with their own truth: values that are true, and each defect's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.codes import ATTENUATION, MEAN
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS, Level
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


def ct(tmp_path: Path, *defects: Defect) -> tuple[PhantomStudy, StudyResult]:
    study = make_ct_study(CtStudySpec(PATIENT, defects=frozenset(defects)))
    return study, analysed(study, tmp_path)


def test_attenuation_of_a_phantom_is_its_truth(tmp_path: Path) -> None:
    study, result = ct(tmp_path)
    truth = study.truth.series[0].attenuation_hu
    for level in MEASURED_LEVELS:
        found = result.level(level)
        assert found is not None
        means = [item.value for item in found.measurements if item.concept == ATTENUATION and item.derivation == MEAN]
        assert means[0] == pytest.approx(truth[level.name], abs=6.0)
    mean = next(item.value for item in result.summary if "L1-L4" in item.method)
    assert mean == pytest.approx(sum(truth[level.name] for level in MEASURED_LEVELS) / 4, abs=3.0)
    assert [reason.code for reason in result.reasons] == [ReasonCode.LEVELS_ASSUMED]
    assert not result.deformity_suspected


@pytest.mark.parametrize(
    ("defect", "code", "evaluable"),
    [
        (Defect.WEDGE, ReasonCode.FRACTURE_LEVEL, True),
        (Defect.METAL, ReasonCode.METAL, True),
        (Defect.CEMENT, ReasonCode.CEMENT, True),
        (Defect.KVP_80, ReasonCode.KVP, False),
        (Defect.GANTRY_TILT, ReasonCode.GANTRY_TILT, False),
        (Defect.MISSING_SLICES, ReasonCode.MISSING_SLICES, False),
        (Defect.RESCALE_FAULT, ReasonCode.HU_SANITY, False),
        (Defect.PORTAL, ReasonCode.CONTRAST_PHASE, True),
    ],
)
def test_a_defect_gives_its_own_code(tmp_path: Path, defect: Defect, code: ReasonCode, evaluable: bool) -> None:
    _, result = ct(tmp_path, defect)
    assert code in [reason.code for reason in result.reasons]
    assert (result.category is not Category.NOT_EVALUABLE) is evaluable
    assert result.deformity_suspected is (defect is Defect.WEDGE)


def test_an_mr_phantom_has_its_value_and_a_disguised_stir_is_unmasked(tmp_path: Path) -> None:
    study = make_mr_study(MrStudySpec(PATIENT))
    result = analysed(study, tmp_path / "sound")
    assert result.category is Category.INDETERMINATE
    assert all(level.evaluable for level in result.levels if level.level in (Level.L1, Level.L2, Level.L3))
    disguised = make_mr_study(MrStudySpec(PATIENT, defects=frozenset({Defect.STIR_DISGUISED_AS_T1})))
    vetoed = analysed(disguised, tmp_path / "disguised")
    assert vetoed.category is Category.NOT_EVALUABLE
    assert vetoed.reasons[0].code is ReasonCode.SEQUENCE_UNSUPPORTED
