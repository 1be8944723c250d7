"""Two readers' agreement: which features it leaves, in sound mode and by the study's rule."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trabecula_training.builders import made_cohort
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.cohort_summary import reader_facts
from trabecula_training.features.readers import agreement
from trabecula_training.features.reading import load_features
from trabecula_training.features.table import FeatureTable, ReaderAgreement, save_features
from trabecula_training.learning.dataset import usable_layout
from trabecula_training.recipes import radiomics_recipe

CT = (SeriesRole.CT,)


def table_of(noise: tuple[float, ...]) -> FeatureTable:
    """A table whose features the second reader sees with so much noise, over 40 bodies."""
    _, table = made_cohort(12, len(noise), 1)
    generator = np.random.default_rng(1)
    first = generator.standard_normal((40, len(noise)))
    second = first + generator.standard_normal(first.shape) * noise
    return replace(table, readers={SeriesRole.CT: agreement(list(np.stack([first, second], axis=1)), measures=1)})


def test_sound_mode_asks_the_lower_bound_and_the_study_the_estimate(tmp_path: Path) -> None:
    save_features(table_of((0.05, 0.62, 1.5)), tmp_path / "table.npz")
    table = load_features(tmp_path / "table.npz")
    above = radiomics_recipe("radscore").paper_readers_above

    sound, dropped = usable_layout(table, CT, LevelAggregation.MEAN)
    study, _ = usable_layout(table, CT, LevelAggregation.MEAN, stable_only=False, readers_above=above)
    other, _ = usable_layout(table, CT, LevelAggregation.MEAN, stable_only=False)

    assert above == 0.75
    assert sound.features == ("original_feature_0",)
    assert dropped == ("original_feature_1", "original_feature_2")
    assert study.features == ("original_feature_0", "original_feature_1")
    assert len(other.features) == 3
    facts = reader_facts(table)["CT"]
    assert (facts["bodies"], facts["features"], facts["estimate_above"], facts["lower_bound_at_least"]) == (40, 3, 2, 1)
    assert 0.75 < facts["median"] < 0.9


def test_the_estimate_lies_in_its_interval_and_constant_features_agree_in_nothing() -> None:
    generator = np.random.default_rng(2)
    cube = generator.standard_normal((20, 2, 3))
    cube[:, :, 2] = 4.0

    found = agreement(list(cube), measures=2)

    assert np.all(found.low[:2] <= found.estimate[:2])
    assert np.all(found.estimate[:2] <= found.values[2, :2])
    assert found.estimate[2] == 0.0
    np.testing.assert_array_equal(found.values[:, 3:], 1.0)


def test_agreement_of_other_columns_does_not_fit() -> None:
    _, table = made_cohort(12, 4, 1)

    with pytest.raises(FeatureTableInvalid, match="three numbers"):
        replace(table, readers={SeriesRole.CT: ReaderAgreement(5, np.zeros((3, 2)))})
