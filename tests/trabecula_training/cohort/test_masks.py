"""Masks of one's own: used instead of the segmenter's outlines, refused in words, and compared between two readers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.analysis.truth_segmenter import TruthSegmenter
from tests.segmentation.foreign.drawn_segs import GEOMETRY, bodies_seg, source_images, volume
from trabecula.domain.errors import SegmenterFailed
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.volumes.files import write_labels_of
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.masks import MaskSegmenter, check_masks
from trabecula_training.features.extraction import extract_cohort, feature_table
from trabecula_training.features.reading import load_features
from trabecula_training.features.store import ExtractionStore
from trabecula_training.features.table import save_features
from trabecula_training.problems import blocking
from trabecula_training.runs.preflight import check_studies

TINY = CtProtocol(pixel_mm=1.2, matrix=(150, 120), thickness_mm=2.5, increment_mm=2.5)
HEADING = "patient,study,mask,mask_reader_2,qct_bmd_mg_cm3,age_years,sex\n"
LINE = "one,one,{},{},105,70,F\n"


class Refusing:
    """A segmenter that must not be asked."""

    identity = SegmenterIdentity("refusing", "1")

    def segment(self, volume: Volume) -> Segmentation:
        raise SegmenterFailed("asked although there are masks")


@dataclass(frozen=True)
class Drawn:
    """A phantom's folder, its truth as a segmenter, and the volume on which its labels lie."""

    folder: Path
    truth: TruthSegmenter
    labels: np.ndarray
    geometry: Geometry

    def mask(self, name: str, labels: np.ndarray, geometry: Geometry | None = None) -> str:
        write_labels_of(self.folder / name, labels.astype(np.uint8), geometry or self.geometry)
        return name

    def moved(self) -> Geometry:
        """The grid of the images, 40 mm beside them."""
        affine = self.geometry.affine.copy()
        affine[0, 3] += 40
        return replace(self.geometry, affine=affine)

    def cohort(self, first: str, second: str = "") -> Path:
        path = self.folder / "cohort.csv"
        path.write_text(HEADING + LINE.format(first, second), "utf-8")
        return path


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    folder = tmp_path_factory.mktemp("masks")
    study = make_ct_study(CtStudySpec(sample_patient(1, 4, density_l1=105.0), TINY))
    write_study(study, folder / "one")
    series = next(item for item in study.series if item.labels is not None)
    assert series.labels is not None
    kept = np.where(np.isin(series.labels, [level.label for level in Level]), series.labels, 0)
    return Drawn(folder, TruthSegmenter([study]), kept, series.volume.geometry)


def only(labels: np.ndarray, *levels: Level) -> np.ndarray:
    return np.where(np.isin(labels, [level.label for level in levels]), labels, 0)


def test_two_readers_outline_and_no_program_does(drawn: Drawn, tmp_path: Path) -> None:
    first = only(drawn.labels, Level.L2, Level.L3)
    second = np.roll(first, 1, axis=2)
    path = drawn.cohort(drawn.mask("first.nii.gz", first), drawn.mask("second.nii.gz", second))
    cohort = read_cohort(path, need_studies=True).cohort
    store = ExtractionStore(tmp_path, "settings")

    found = list(extract_cohort(cohort, "xue2022_ct", make_segmenter=Refusing, store=store))
    again = list(extract_cohort(cohort, "xue2022_ct", make_segmenter=Refusing, store=store))
    table = feature_table(cohort, again, "xue2022_ct")
    save_features(table, tmp_path / "table.npz")
    read = load_features(tmp_path / "table.npz")

    assert found[0].problem == ""
    assert read.levels == (Level.L2, Level.L3)
    assert read.facts["one", SeriesRole.CT]["outlines"] == "masks of one's own"
    agreed = read.readers[SeriesRole.CT]
    assert agreed.bodies == 2
    volume = load_feature_set("xue2022_ct").names.index("original_shape_VoxelVolume")
    (pair, _) = found[0].readers[SeriesRole.CT]
    assert pair[0, volume] == pytest.approx(pair[1, volume], rel=0.02)
    np.testing.assert_array_equal(agreed.values[0, -2:], 1.0)
    assert drawn.truth.calls == 0
    person = cohort.patients[0]
    drawn.mask("second.nii.gz", first)
    assert person.study is not None
    assert store.find("one", person.study, False, (*person.masks, *person.masks_reader_2)) is None


def test_masks_are_checked_line_by_line_before_any_work(drawn: Drawn) -> None:
    elsewhere = drawn.moved()
    (drawn.folder / "words.nii.gz").write_bytes(b"no image")
    cases = {
        drawn.mask("good.nii.gz", drawn.labels): "",
        drawn.mask("moved.nii.gz", drawn.labels, elsewhere): "the image",
        drawn.mask("binary.nii.gz", drawn.labels > 0): "holds the values 1; 20 = L1, 21 = L2",
        drawn.mask("single.nii.gz", only(drawn.labels, Level.L3)): "shows L3 alone of L1-L4",
        "words.nii.gz": "words.nii.gz",
    }

    for name, words in cases.items():
        told = check_masks((drawn.folder / name,), drawn.folder / "one", [SeriesRole.CT])
        assert words in told if words else told == ""
    found = check_studies(drawn.cohort("good.nii.gz|moved.nii.gz", "none.nii.gz"), [SeriesRole.CT])

    assert [(problem.line, problem.column) for problem in found.problems] == [(2, "mask_reader_2")]
    told = check_studies(drawn.cohort("good.nii.gz|moved.nii.gz", "binary.nii.gz"), [SeriesRole.CT]).problems
    assert [(problem.line, problem.column) for problem in blocking(told)] == [(2, "mask"), (2, "mask_reader_2")]
    alone = read_cohort(drawn.cohort("", "good.nii.gz"), need_studies=True).problems
    assert [problem.found for problem in alone] == ["a second reader without a first"]


def test_a_series_without_a_mask_is_not_outlined_by_the_program(drawn: Drawn) -> None:
    images = make_ct_study(CtStudySpec(sample_patient(1, 4, density_l1=105.0), TINY)).series[0].volume
    mask = drawn.folder / drawn.mask("beside.nii.gz", drawn.labels, drawn.moved())
    segmenter = MaskSegmenter((mask,), (), drawn.truth)

    with pytest.raises(SegmenterFailed, match="no mask of one's own lies on this series"):
        segmenter.segment(images)


def test_the_digest_of_a_cohort_knows_masks_by_name_and_not_by_place(drawn: Drawn, tmp_path: Path) -> None:
    path = drawn.cohort(drawn.mask("good.nii.gz", drawn.labels))
    here = read_cohort(path, need_studies=True).cohort
    person = here.patients[0]
    there = replace(here, patients=(replace(person, masks=(tmp_path / "good.nii.gz",)),))

    assert here.sha256() == there.sha256()
    assert here.sha256() != replace(here, patients=(replace(person, masks=()),)).sha256()


def test_a_dicom_seg_names_its_levels_itself(tmp_path: Path) -> None:
    seg = Path(bodies_seg(tmp_path / "seg.dcm").path)
    (tmp_path / "study").mkdir()
    (tmp_path / "other").mkdir()
    for number, image in enumerate(source_images(GEOMETRY)):
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.save_as(tmp_path / "study" / f"{number}.dcm", enforce_file_format=True)
    (tmp_path / "words.dcm").write_bytes(b"no image")

    found = MaskSegmenter((seg,), (), TruthSegmenter([])).segment(volume())

    assert {body.level for body in found.bodies} == {Level.L3, Level.L4, Level.L5}
    assert found.outlined_by == ""
    assert check_masks((seg,), tmp_path / "study", [SeriesRole.T1W]) == ""
    assert "refers to images that are not in the study" in check_masks((seg,), tmp_path / "other", [SeriesRole.T1W])
    assert "neither NIfTI nor DICOM" in check_masks((tmp_path / "words.dcm",), tmp_path / "study", [SeriesRole.T1W])
