"""The networks give one logit for each crop and start from nothing or from weights of one's own; the ten variants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from trabecula_training.cnn.augmentation import VARIANTS, all_variants, randomly_varied, variant
from trabecula_training.cnn.networks import Network, make_network, parameter_count
from trabecula_training.errors import WeightsUnusable

MILLIONS = {
    Network.EFFICIENTNET_B4: 17.55,
    Network.EFFICIENTNET_V2: 20.18,
    Network.RESNET_50: 23.51,
    Network.SMALL: 0.102,
}
"""Weights in millions: those of the published networks less a head of 1,000 classes, plus one logit."""


@pytest.mark.parametrize("network", list(Network))
def test_each_network_gives_one_logit_for_each_crop(network: Network) -> None:
    made = make_network(network).eval()

    with torch.no_grad():
        answers = made(torch.rand(2, 1, 64, 64))

    assert answers.shape == (2, 1)
    assert torch.isfinite(answers).all()
    assert parameter_count(made) / 1e6 == pytest.approx(MILLIONS[network], rel=0.005)


def test_a_network_starts_from_weights_of_ones_own_but_for_the_last_layer(tmp_path: Path) -> None:
    trained = make_network(Network.SMALL)
    state = trained.state_dict()
    last = list(state)[-1]
    state[last] = torch.zeros(1000)
    np.savez(tmp_path / "own.npz", **{name: value.numpy() for name, value in state.items()})

    started = make_network(Network.SMALL, tmp_path / "own.npz").state_dict()

    first = next(iter(state))
    assert torch.equal(started[first], state[first])
    assert started[last].shape == (1,)


@pytest.mark.parametrize("content", ["foreign", "damaged", "list", "pickle"])
def test_a_file_that_is_no_weights_of_this_network_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "weights.npz"
    if content == "foreign":
        np.savez(path, weight=np.zeros((1, 3), np.float32), bias=np.zeros(1, np.float32))
    elif content == "list":
        with path.open("wb") as file:
            np.save(file, np.array([1, 2]))
    elif content == "pickle":
        torch.save(make_network(Network.SMALL).state_dict(), path)
    else:
        path.write_bytes(b"no weights")

    with pytest.raises(WeightsUnusable) as caught:
        make_network(Network.SMALL, path)

    assert caught.value.code == "WEIGHTS_UNUSABLE"
    assert caught.value.next_step


def test_the_ten_variants_differ_and_the_first_eight_only_move_pixels() -> None:
    images = torch.rand(1, 1, 12, 12, generator=torch.Generator().manual_seed(1))

    variants = all_variants(images)

    assert len(variants) == VARIANTS
    assert torch.equal(variants[0], images[0])
    assert len({tuple(item.ravel().tolist()) for item in variants}) == VARIANTS
    for number in range(8):
        assert torch.equal(variants[number].ravel().sort().values, images.ravel().sort().values)
    assert torch.equal(torch.rot90(variant(images, 5), 2, (-2, -1)), variant(images, 7))
    assert any(torch.equal(item, images[0].transpose(-2, -1)) for item in variants[:8])


def test_a_small_turn_keeps_the_middle() -> None:
    images = torch.zeros(1, 1, 33, 33)
    images[..., 14:19, 14:19] = 1.0

    turned = variant(images, 8)

    assert turned[..., 16, 16] == 1.0
    assert turned.sum() == pytest.approx(25, rel=0.05)


def test_random_variants_are_drawn_by_the_generator() -> None:
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(1))

    one, same = (randomly_varied(images, torch.Generator().manual_seed(7)) for _ in range(2))

    assert torch.equal(one, same)
    unchanged = (one == images).all(dim=(1, 2, 3)).sum()
    assert 0 < unchanged < 20
