"""Banks of crops: saved and read unchanged, and a table by which the shared machinery finds them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trabecula_training.cnn.builders import made_pictures
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.crops.statistics import STATISTICS
from trabecula_training.cnn.crop_bank import CropBank, load_crops, merged, save_crops, squares
from trabecula_training.cohort.labels import OSTEOPOROSIS
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.learning.dataset import make_dataset, usable_layout


def test_a_bank_survives_its_file_unchanged(tmp_path: Path) -> None:
    _, bank = made_pictures(6)
    bank = replace(bank, absent={"p999": "no lumbar spine"})
    save_crops(bank, tmp_path / "crops.npz")

    again = load_crops(tmp_path / "crops.npz")

    assert again.sha256() == bank.sha256()
    assert again.definition == bank.definition
    assert again.absent == {"p999": "no lumbar spine"}
    assert again.groups[1].facts == bank.groups[1].facts
    assert np.isnan(again.groups[1].vbq).all()
    np.testing.assert_array_equal(again.groups[0].vbq, bank.groups[0].vbq)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b'{"a": 1}'])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "crops.npz").write_bytes(content)

    with pytest.raises(FeatureTableInvalid, match=r"crops\.npz"):
        load_crops(tmp_path / "crops.npz")


def test_one_changed_pixel_changes_the_digest() -> None:
    _, bank = made_pictures(4)
    changed = bank.groups[0].crops[0].image.copy()
    changed[3, 3] += 0.01
    crops = (replace(bank.groups[0].crops[0], image=changed), *bank.groups[0].crops[1:])
    other = CropBank((replace(bank.groups[0], crops=crops), *bank.groups[1:]), bank.definition)

    assert other.sha256() != bank.sha256()
    assert other.table().sha256() != bank.table().sha256()


def test_the_table_leads_each_patient_to_the_crops_of_the_right_series() -> None:
    cohort, bank = made_pictures(12)
    table = bank.table()

    for role in (SeriesRole.T1W, SeriesRole.T2W):
        layout, dropped = usable_layout(table, (role,), LevelAggregation.MEAN)
        found = make_dataset(cohort, table, layout, OSTEOPOROSIS, dropped)
        for patient, row in zip(found.patients, found.data.features[:, 0], strict=True):
            group = bank.groups[int(row)]
            assert row == int(row)
            assert (group.patient, group.role) == (patient.patient, role)
    assert (
        "VBQ"
        in make_dataset(
            cohort, table, usable_layout(table, (SeriesRole.T1W,), LevelAggregation.MEAN)[0], OSTEOPOROSIS
        ).comparators.sets
    )


def test_squares_and_statistics_are_by_group() -> None:
    _, bank = made_pictures(5)

    images, owners = squares(bank, 20)

    assert images.shape == (40, 20, 20)
    assert owners.tolist() == [number for number in range(10) for _ in range(4)]
    assert bank.statistics().shape == (10, len(STATISTICS))


def test_banks_are_joined_in_order_and_an_empty_one_has_no_table() -> None:
    _, bank = made_pictures(4)
    parts = [CropBank((group,), bank.definition) for group in bank.groups]
    nobody = CropBank((), bank.definition, {"p9": "no spine"})

    whole = merged([*parts, nobody])

    assert whole.sha256() == bank.sha256()
    assert whole.absent == {"p9": "no spine"}
    with pytest.raises(FeatureTableInvalid, match="no study"):
        nobody.table()
