"""Crops of studies through the service's own analysis: kept study by study, and what gives none is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import SMALL_MR
from trabecula.phantom.study import MrStudySpec, PhantomStudy
from trabecula_training.cnn.crop_bank import CropBank, load_crops
from trabecula_training.cnn.crop_extraction import extract_crops
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.table import Cohort, Patient
from trabecula_training.errors import FeatureTableInvalid


@dataclass
class Counting:
    """Makes segmenters that know the truth of a study, and counts how many were needed."""

    study: PhantomStudy
    made: int = 0

    def __call__(self) -> TruthSegmenter:
        self.made += 1
        return TruthSegmenter([self.study])


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PhantomStudy]:
    """A folder with one MR study and one folder without images."""
    folder = tmp_path_factory.mktemp("studies")
    study = make_mr_study(MrStudySpec(sample_patient(1, 4, density_l1=105.0), SMALL_MR))
    write_study(study, folder / "one")
    (folder / "two").mkdir()
    (folder / "two" / "notes.txt").write_text("no images")
    return folder, study


def cohort(folder: Path, *names: str) -> Cohort:
    return Cohort(
        tuple(
            Patient(
                patient=f"patient-{name}",
                study=folder / name,
                reference=ReferenceKind.QCT,
                age_years=70.0,
                sex="F",
                qct_bmd_mg_cm3=105.0,
            )
            for name in names
        )
    )


def test_a_study_gives_four_pictures_of_each_series_and_is_measured_once(
    phantom: tuple[Path, PhantomStudy], tmp_path: Path
) -> None:
    folder, study = phantom
    segmenters, heard = Counting(study), list[CropBank]()
    place = tmp_path / "midsagittal_v1.npz"

    first = extract_crops(
        cohort(folder, "two", "one"), "midsagittal_v1", place, 1, heard.append, make_segmenter=segmenters
    )
    measured = segmenters.made
    again = extract_crops(cohort(folder, "two", "one"), "midsagittal_v1", place, make_segmenter=segmenters)

    assert [(group.patient, group.role) for group in first.groups] == [
        ("patient-one", SeriesRole.T1W),
        ("patient-one", SeriesRole.T2W),
    ]
    for group in first.groups:
        assert group.levels == MEASURED_LEVELS
        for crop in group.crops:
            height, depth = crop.size_mm
            assert 24 < height < 50
            assert 30 < depth < 55
    assert np.isfinite(first.groups[0].vbq).all()
    assert first.groups[0].facts["field_strength_t"] == 1.5
    assert "CT or MR" in first.absent["patient-two"]
    assert len(heard) == 2
    assert segmenters.made == measured, "kept studies are not segmented again"
    assert again.sha256() == first.sha256() == load_crops(place).sha256()


def test_the_same_study_under_another_name_is_not_measured_again(
    phantom: tuple[Path, PhantomStudy], tmp_path: Path
) -> None:
    folder, study = phantom
    segmenters = Counting(study)
    people = cohort(folder, "one")
    extract_crops(people, "midsagittal_v1", tmp_path / "crops.npz", make_segmenter=segmenters)
    renamed = Cohort(
        (
            Patient(
                patient="someone",
                study=folder / "one",
                reference=ReferenceKind.QCT,
                age_years=70.0,
                sex="F",
                qct_bmd_mg_cm3=105.0,
            ),
        )
    )

    bank = extract_crops(renamed, "midsagittal_v1", tmp_path / "crops.npz", make_segmenter=segmenters)

    assert segmenters.made == 1
    assert {group.patient for group in bank.groups} == {"someone"}
    assert not any("patient-one" in path.name for path in (tmp_path / "crops").iterdir())


def test_a_cohort_without_any_picture_is_refused(phantom: tuple[Path, PhantomStudy], tmp_path: Path) -> None:
    folder, study = phantom

    with pytest.raises(FeatureTableInvalid, match="no study of the cohort gave crops"):
        extract_crops(cohort(folder, "two"), "midsagittal_v1", tmp_path / "crops.npz", make_segmenter=Counting(study))
