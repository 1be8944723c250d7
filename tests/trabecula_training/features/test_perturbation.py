"""Perturbations: each changes outline or noise as it says, and bodies as they are stay first."""

from __future__ import annotations

import numpy as np

from tests.scoring.radiomics.drawn import axial, drawn_series
from trabecula.domain.spine import Level
from trabecula_training.features.perturbation import perturbations, stability

LEVELS = (Level.L2, Level.L3)


def test_outlines_shrink_grow_and_move_and_noise_leaves_them() -> None:
    volume, labels = drawn_series(axial((2.0, 1.0, 1.0)), levels=LEVELS)

    made = perturbations(volume, labels)

    assert len(made) == 6
    images, outlines = [image.array for image, _ in made], [outline for _, outline in made]
    assert all(image is volume.array for image in images[:5])
    assert np.array_equal(outlines[0], labels)
    sizes = [int((outline > 0).sum()) for outline in outlines]
    assert sizes[1] < sizes[0] < sizes[2]
    assert not np.any((outlines[1] > 0) & (labels == 0))
    for moved in (outlines[3], outlines[4]):
        assert sizes[0] == int((moved > 0).sum())
        assert not np.array_equal(moved, labels)
    assert set(np.unique(outlines[2])) == {0, *(level.label for level in LEVELS)}
    assert np.array_equal(outlines[5], labels)
    added = images[5] - volume.array
    assert 0.05 < added.std() / volume.array[labels > 0].std() < 0.2


def test_a_feature_that_follows_the_body_is_stable_and_one_that_follows_the_outline_is_not() -> None:
    generator = np.random.default_rng(4)
    bodies = []
    for size in generator.normal(100, 20, 10):
        steady = size + generator.normal(0, 0.5, 6)
        bodies.append(np.stack([steady, generator.normal(0, 1, 6), np.full(6, np.nan)], axis=1))

    found = stability(bodies)

    assert found[0] > 0.95
    assert found[1] < 0.5
    assert found[2] == 0.0
