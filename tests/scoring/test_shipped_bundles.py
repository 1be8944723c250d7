"""The bundles that ship: whole, runnable, demonstrations that say so, and able to score a phantom nobody trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.data.bundle_location import find_bundles_root
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import StudyResult
from trabecula.imaging.headers.frames import scan_folder
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import SMALL_CT, CtProtocol, Kernel
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy
from trabecula.reporting.wording import impression_lines
from trabecula.scoring.activation import Activation, ModelRole
from trabecula.scoring.bundles import find_bundles, load_bundle
from trabecula.scoring.scorers import check_runs, scorers_of
from trabecula.scoring.trust import Provenance, shipped_digests, site_trust

ROOT = find_bundles_root()
FOUND = find_bundles([ROOT])
SHARP = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=3.0, increment_mm=3.0, kernel=Kernel.SHARP)
LARGEST_BUNDLE = 4_000_000
"""Bytes; every installation carries them."""


@pytest.mark.parametrize("model_id", [item.model_id for item in FOUND])
def test_a_shipped_bundle_is_whole_runs_and_says_what_it_is(model_id: str) -> None:
    bundle = load_bundle(ROOT / model_id)
    manifest = bundle.manifest

    check_runs(bundle)
    assert site_trust(()).provenance(bundle) is Provenance.SHIPPED
    assert manifest.demonstration
    assert "phantom" in manifest.population.description
    assert manifest.lineage.mode == "sound"
    assert manifest.lineage.command.startswith(f"trabecula-train demonstration {manifest.lineage.recipe} ")
    assert "Demonstration model" in (bundle.folder / "CARD.md").read_text("utf-8")
    assert sum(path.stat().st_size for path in bundle.folder.iterdir()) < LARGEST_BUNDLE


def test_every_pinned_bundle_ships() -> None:
    assert set(shipped_digests()) == {item.model_id for item in FOUND}


@pytest.mark.parametrize("model_id", [item.model_id for item in FOUND])
def test_no_shipped_model_is_perfect_on_phantoms(model_id: str) -> None:
    """Density drives what physics says and no more: an AUC of 1 would be a fault of the phantoms."""
    for endpoint in load_bundle(ROOT / model_id).manifest.endpoints:
        area = endpoint.metrics["auc"]
        assert 0.6 < area.estimate < 0.98
        assert area.low < area.estimate < area.high


def scored(study: PhantomStudy, folder: Path, model_id: str) -> StudyResult:
    write_study(study, folder)
    activation = Activation({}).with_role(load_bundle(ROOT / model_id), ModelRole.ACTIVE)
    scorers = scorers_of([ROOT], activation, site_trust(()))
    analyser = StudyAnalyser(TruthSegmenter([study]), scorers, load_thresholds(None))
    return analyser.analyse(study.study_uid, 1, scan_folder(folder)).result


def test_ct_of_sparse_bone_is_scored_higher_than_of_dense_bone_and_the_report_begins_with_demonstration(
    tmp_path: Path,
) -> None:
    dense, sparse = (
        scored(
            make_ct_study(CtStudySpec(sample_patient(4242, 1, age_years=age, density_l1=density), SMALL_CT)),
            tmp_path / str(age),
            "xue2022-demo-1.0.0",
        )
        for age, density in ((55, 160.0), (74, 55.0))
    )

    assert all(score.applicable for score in (*dense.scores, *sparse.scores)), sparse.scores
    for low, high in zip(dense.scores, sparse.scores, strict=True):
        assert low.probability is not None
        assert high.probability is not None
        assert high.probability > low.probability + 0.2
    assert impression_lines(sparse)[1].startswith("DEMONSTRATION MODEL, no clinical meaning: xue2022-demo")


def test_a_sharp_kernel_is_not_scored(tmp_path: Path) -> None:
    study = make_ct_study(CtStudySpec(sample_patient(4242, 1, age_years=70, density_l1=70.0), SHARP))

    result = scored(study, tmp_path, "xue2022-demo-1.0.0")

    assert [score.applicable for score in result.scores] == [False, False]
    assert {reason.code for score in result.scores for reason in score.reasons} >= {ReasonCode.KERNEL_SHARP}


def test_mr_of_sparse_bone_is_scored_from_t1_and_t2(tmp_path: Path) -> None:
    study = make_mr_study(MrStudySpec(sample_patient(4242, 1, age_years=74, density_l1=55.0)))

    (score,) = scored(study, tmp_path, "radscore-demo-1.0.0").scores

    assert score.applicable, score.reasons
    assert score.endpoint == "abnormal_bone_density"
    assert score.probability is not None
    assert 0.0 < score.probability < 1.0
