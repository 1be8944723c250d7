"""Extraction of a cohort: the service's own analysis writes the table; what cannot be measured is told, not dropped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.table import Cohort, Patient
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.extraction import PatientFeatures, extract_cohort, feature_table
from trabecula_training.features.reading import load_features
from trabecula_training.features.table import save_features

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, list[PatientFeatures]]:
    """One phantom and one folder without a study."""
    folder = tmp_path_factory.mktemp("studies")
    study = make_ct_study(CtStudySpec(sample_patient(1, 4, density_l1=105.0), TINY))
    write_study(study, folder / "one")
    (folder / "two").mkdir()
    (folder / "two" / "notes.txt").write_text("no images")
    cohort = Cohort(
        tuple(
            Patient(
                patient=name,
                study=folder / name,
                reference=ReferenceKind.QCT,
                age_years=70.0,
                sex="F",
                qct_bmd_mg_cm3=105.0,
            )
            for name in ("two", "one")
        )
    )
    return cohort, list(extract_cohort(cohort, "xue2022_ct", make_segmenter=lambda: TruthSegmenter([study])))


def test_a_study_gives_a_row_for_each_level_with_its_attenuation(
    found: tuple[Cohort, list[PatientFeatures]], tmp_path: Path
) -> None:
    table = feature_table(*found, "xue2022_ct")
    save_features(table, tmp_path / "features.npz")

    again = load_features(tmp_path / "features.npz")
    settings = load_feature_set("xue2022_ct")
    assert again.feature_names == settings.names
    assert again.patients == ("one",) * 4
    assert again.levels == MEASURED_LEVELS
    assert np.isfinite(again.values[:, :-1]).all()
    assert 90 < again.measure("hu", SeriesRole.CT)["one"] < 180
    assert again.measure("vbq", SeriesRole.CT) == {}
    assert (again.settings_sha256, again.regions) == (settings.sha256, "body_v1")
    facts = again.facts["one", SeriesRole.CT]
    assert (facts["kvp"], facts["kernel_class"], facts["contrast_phase"]) == (120.0, "SOFT", "NATIVE")
    assert again.ibsi["discretisation"] == "fixed bin width 5"


def test_a_folder_without_a_study_is_named_with_its_reason(found: tuple[Cohort, list[PatientFeatures]]) -> None:
    cohort, items = found

    problems = {item.patient: item.problem for item in items}

    assert problems["one"] == ""
    assert "CT or MR" in problems["two"]
    with pytest.raises(FeatureTableInvalid, match="no study of the cohort gave features") as caught:
        feature_table(cohort, [item for item in items if item.patient == "two"], "xue2022_ct")
    assert caught.value.code == "FEATURE_TABLE_INVALID"
    assert "trabecula-train extract" in caught.value.next_step
