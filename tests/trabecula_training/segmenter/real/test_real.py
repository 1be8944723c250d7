"""Tests of real volumes in training: folders that are honest or refused, labels known in part, folds by patient, and
what a bundle says it was trained on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from trabecula.analysis.result import versions  # noqa: E402
from trabecula.analysis.thresholds import load_thresholds  # noqa: E402
from trabecula.segmentation.network_segmenter import NetworkSegmenter  # noqa: E402
from trabecula_training.errors import RealDataInvalid  # noqa: E402
from trabecula_training.segmenter.drawing.classes import CLASS_COUNT, NetworkClass  # noqa: E402
from trabecula_training.segmenter.real.folder import read_real_folder  # noqa: E402
from trabecula_training.segmenter.real.partial_targets import NOT_BODY, UNKNOWN, VERTEBRA, targets_of  # noqa: E402
from trabecula_training.segmenter.real.plan import PHANTOMS_ONLY, plan_real, split, trained_on  # noqa: E402
from trabecula_training.segmenter.real.samples import draw_real_sample, slab_of  # noqa: E402
from trabecula_training.segmenter.run import Watch, train_and_export  # noqa: E402
from trabecula_training.segmenter.training.loss import partial_loss, segmentation_loss  # noqa: E402
from trabecula_training.segmenter.training.refiner import RefinerPlan  # noqa: E402
from trabecula_training.segmenter.training.spine import Plan  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::UserWarning")

FACTS = 'licence = "CC BY 4.0"\nattribution = "A Hospital 2026"\npatient_pattern = "^([a-z]+)-"\n'
TINY = Plan(
    seed=3,
    pool=1,
    steps=2,
    batch=2,
    rows=64,
    columns=64,
    threads=1,
    widths=(4, 8, 8, 8, 8),
    refiner=RefinerPlan(spines=1, steps=1, batch=2, widths=(4, 6, 8)),
)
SHAPE = (4, 170, 70)
"""Slices of 4 mm, rows downward, columns to the back, of 1 mm."""


def truth() -> np.ndarray:
    """L3, L4 and L5 one above the other."""
    labels = np.zeros(SHAPE, np.uint8)
    for k, label in enumerate((22, 23, 24)):
        labels[1:3, 40 + 34 * k : 66 + 34 * k, 20:50] = label
    return labels


def write(folder: Path, name: str, labels: np.ndarray, shift: float = 0.0) -> None:
    """Write a pair of files: RAS, so rows and columns run against the axes."""
    folder.mkdir(exist_ok=True)
    image = 40.0 + 200.0 * (labels > 0) + np.random.default_rng(len(name)).normal(0, 9, SHAPE)
    affine = np.array([[-4.0, 0, 0, 0], [0, 0, -1.0, shift], [0, -1.0, 0, 0], [0, 0, 0, 1]])
    for kind, array, place in (("image", image, affine * 1.0), ("truth", labels, affine)):
        if kind == "image":
            place[1, 3] = 0.0
        nibabel.save(nibabel.Nifti1Image(array.astype(np.int16), place), folder / f"{name}_{kind}.nii.gz")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "site"
    for name in ("anna-1", "anna-2", "bert-1", "carl-1"):
        write(made, name, truth())
    (made / "real.toml").write_text(FACTS)
    return made


def test_what_nobody_outlined_stays_open_and_no_body_lies_below_l5() -> None:
    padding = np.zeros(SHAPE, bool)
    padding[:, :4] = True

    codes = targets_of(truth(), padding)

    assert codes[1, 85, 35] == NetworkClass.BODY
    assert codes[1, 74, 35] == UNKNOWN, "an outline's border"
    assert codes[1, 70, 35] == NOT_BODY, "between two bodies"
    assert codes[1, 160, 35] == NOT_BODY, "below the last lumbar body"
    assert codes[1, 20, 35] == UNKNOWN, "above the uppermost outline there may be more bodies"
    assert codes[0, 85, 35] == UNKNOWN, "a slice beside an outlined body"
    assert codes[1, 2, 35] == NetworkClass.BACKGROUND, "not measured"


def test_below_a_body_that_is_not_the_last_nothing_is_known() -> None:
    labels = np.where(truth() == 24, 0, truth())

    assert targets_of(labels, np.zeros(SHAPE, bool))[1, 160, 35] == UNKNOWN


def test_whole_vertebrae_and_s1_are_known_as_such() -> None:
    labels = np.where(truth() == 24, 26, truth())

    assert targets_of(labels, np.zeros(SHAPE, bool), True)[1, 85, 35] == VERTEBRA
    assert targets_of(labels, np.zeros(SHAPE, bool))[1, 120, 35] == NetworkClass.S1


def raw_answer() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(1).normal(0, 2, (2, CLASS_COUNT + 2, 8, 8)).astype(np.float32))


def test_where_all_is_known_the_loss_is_that_of_phantoms() -> None:
    rng = np.random.default_rng(2)
    target = torch.from_numpy(rng.integers(0, CLASS_COUNT, (2, 8, 8)))
    phase = torch.from_numpy(rng.normal(0, 1, (2, 2, 8, 8)).astype(np.float32))
    column = torch.ones(2, 8, 8)

    whole = segmentation_loss(raw_answer(), target, phase, column)

    assert float(partial_loss(raw_answer(), target, phase, column)) == pytest.approx(float(whole), rel=1e-5)


def test_what_is_open_teaches_nothing_and_no_body_pushes_only_bodies_down() -> None:
    zero = torch.zeros(2, 8, 8)
    gradients = []
    for code in (UNKNOWN, NOT_BODY):
        raw = raw_answer().requires_grad_()
        partial_loss(raw, torch.full((2, 8, 8), code), torch.zeros(2, 2, 8, 8), zero).backward()
        assert raw.grad is not None
        gradients.append(raw.grad[:, :CLASS_COUNT].mean(dim=(0, 2, 3)))

    assert float(gradients[0].abs().max()) < 1e-9
    assert float(gradients[1][NetworkClass.BODY]) > 0
    assert float(gradients[1][NetworkClass.S1]) < 0


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (None, "must state licence"),
        ('licence = "CC0"\n', "no attribution"),
        ("licence = ", "not TOML"),
        (FACTS + 'licnce = "x"\n', "licnce"),
        (FACTS + 'outlines = "discs"\n', "outlines"),
        (FACTS + 'modality = "US"\n', "modality"),
        (FACTS + "[labels]\n22 = 'Q3'\n", "Q3"),
        (FACTS + "[labels]\n22 = 'L3'\n", "label 23"),
        (FACTS.replace("^([a-z]+)-", "^([a-z+-"), "patient_pattern"),
        (FACTS.replace("^([a-z]+)-", "^[a-z]+-"), "no group"),
        (FACTS.replace("^([a-z]+)-", "^(b[a-z]+)-"), "no patient in anna-1"),
        (FACTS + 'folder = "elsewhere"\n', "holds no NAME_image"),
    ],
)
def test_a_folder_that_says_too_little_or_nonsense_is_refused(folder: Path, facts: str | None, said: str) -> None:
    note = folder / "real.toml"
    note.unlink() if facts is None else note.write_text(facts)

    with pytest.raises(RealDataInvalid, match=said):
        read_real_folder(folder)


def test_volumes_that_do_not_fit_are_refused(folder: Path) -> None:
    write(folder, "carl-1", truth(), shift=3.0)
    with pytest.raises(RealDataInvalid, match="carl-1: image and truth"):
        read_real_folder(folder)

    write(folder, "carl-1", np.zeros(SHAPE, np.uint8))
    with pytest.raises(RealDataInvalid, match="no body is labelled"):
        read_real_folder(folder)

    (folder / "carl-1_truth.nii.gz").unlink()
    with pytest.raises(RealDataInvalid, match=r"carl-1_image\.nii\.gz has no"):
        read_real_folder(folder)


def test_a_note_beside_a_folder_that_cannot_be_written_and_other_labels(folder: Path, tmp_path: Path) -> None:
    (folder / "real.toml").unlink()
    write(folder, "carl-1", np.where(truth() > 0, 25 - truth(), 0))
    for name in ("anna-1", "anna-2", "bert-1"):
        for kind in ("image", "truth"):
            (folder / f"{name}_{kind}.nii.gz").unlink()
    note = tmp_path / "note.toml"
    note.write_text(FACTS + 'folder = "site"\n[labels]\n1 = "L5"\n2 = "L4"\n3 = "L3"\n')

    found = read_real_folder(note)

    assert set(np.unique(found.cases[0].case.truth)) == {0, 22, 23, 24}
    assert (found.source.name, found.source.patients) == ("site", 1)


def test_folds_are_dealt_by_patient_and_everybody_is_held_out_once(folder: Path) -> None:
    read = read_real_folder(folder)
    held: list[str] = []
    for fold in range(3):
        plan = plan_real([read], 0.5, 3, fold)
        parts = split([read], plan)
        names = {case.name.partition("-")[0] for case in parts.held_out}
        assert names.isdisjoint(case.name.partition("-")[0] for case in parts.learn)
        assert (plan.volumes, plan.patients, parts.held_out_patients) == (len(parts.learn), 2, 1)
        held += names

    assert sorted(held) == ["anna", "bert", "carl"]
    assert split([read], plan_real([read], 0.5, 1, 0)).held_out == ()


@pytest.mark.parametrize(("share", "folds", "fold"), [(0.0, 2, 0), (1.0, 2, 0), (0.5, 4, 0), (0.5, 2, 2)])
def test_a_plan_that_cannot_be_is_refused(folder: Path, share: float, folds: int, fold: int) -> None:
    with pytest.raises(RealDataInvalid):
        plan_real([read_real_folder(folder)], share, folds, fold)


def test_a_sample_of_a_real_volume_is_reproducible_and_holds_bodies(folder: Path) -> None:
    slabs = [slab_of(case.case) for case in read_real_folder(folder).cases]

    samples = [draw_real_sample((5, k), slabs, (96, 64)) for k in range(12)]
    again = draw_real_sample((5, 3), slabs, (96, 64))

    assert np.array_equal(samples[3].image, again.image)
    assert np.array_equal(samples[3].target, again.target)
    assert {sample.image.shape for sample in samples} == {(3, 96, 64)}
    assert sum((sample.target == NetworkClass.BODY).any() for sample in samples) > 6
    assert not any(sample.column.any() for sample in samples)
    bright = []
    for sample in samples:
        body, other = sample.target == NetworkClass.BODY, sample.target == NOT_BODY
        if min(body.sum(), other.sum()) > 200:
            bright.append(sample.image[1][body].mean() - sample.image[1][other].mean())
    assert min(bright) > 0.1, "targets lie where the bodies are"


def test_a_bundle_says_what_it_was_trained_on_and_names_nobody(folder: Path, tmp_path: Path) -> None:
    read = read_real_folder(folder)
    plan = replace(TINY, real=plan_real([read], 0.5, 3, 0))
    silent = Watch(lambda _: None, lambda _: None, lambda _: None, lambda _: None)

    bundle = train_and_export(plan, tmp_path / "run", "9.9.9", silent, [read])

    manifest = json.loads((bundle / "manifest.json").read_text())
    card = (bundle / "CARD.md").read_text()
    said = f"digital phantoms and {plan.real.volumes} real volumes of 2 patients (A Hospital 2026, CC BY 4.0)"
    assert manifest["trained_on"] == said
    assert manifest["metrics"]["held_out"]["patients"] == 1
    assert "A Hospital 2026" in card
    assert "no real image" not in card
    for word in ("anna", "bert", "carl"):
        assert word not in card + json.dumps(manifest)
    assert "levels right" in (tmp_path / "run" / "held-out.md").read_text()
    made = versions(NetworkSegmenter(bundle).identity, load_thresholds())
    assert made["segmenter_trained_on"] == said


def test_without_real_volumes_the_plan_and_the_bundle_say_nothing_of_them() -> None:
    assert "real" not in TINY.facts
    assert trained_on(TINY.real) == PHANTOMS_ONLY
