"""Starts training from the weights of a bundle instead of from nothing, so that a site refines what it already runs.

A bundle holds its network as ONNX, where batch normalisation is folded into the convolutions. Unfolded again, each
normalisation scales by the spread and shifts by the mean that its layer has on samples of the new plan: the network
answers as the bundle's does, and training meets normalised layers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from trabecula.domain.errors import BundleInvalid
from trabecula.segmentation.network.bundle import load_bundle
from trabecula_training.errors import StartUnusable
from trabecula_training.segmenter.training.export import NETWORK_NAME, REFINER_NAME
from trabecula_training.segmenter.training.network import SpineNet

_EPSILON = nn.BatchNorm2d(1).eps
Float = NDArray[np.float32]


@dataclass(frozen=True)
class Start:
    """The bundle that a plan starts from: name and SHA-256 of its network, and what it was itself ``trained_on``."""

    bundle: str
    sha256: str
    trained_on: str


def start_of(bundle: Path) -> Start:
    """Read and verify a bundle to start from; raises StartUnusable where it is none with a refiner."""
    try:
        known = load_bundle(bundle)
    except BundleInvalid as error:
        raise StartUnusable(str(error)) from error
    if known.refiner is None or known.refiner.weights.name != REFINER_NAME:
        raise StartUnusable(f"{bundle.name} has no second network for borders")
    sha256 = hashlib.sha256((bundle / NETWORK_NAME).read_bytes()).hexdigest()
    return Start(known.identifier, sha256, known.trained_on)


def unfold(bundle: Path, widths: Sequence[int]) -> SpineNet:
    """The bundle's first network, ready to be evaluated; raises StartUnusable where it has other ``widths``."""
    network = SpineNet(widths).eval()
    layers = [*network.inner.down, *(network.inner.up[k] for k in reversed(range(len(network.inner.up))))]
    parts = [part for block in layers for part in block.modules()]
    convolutions = [part for part in parts if isinstance(part, nn.Conv2d)]
    norms = [part for part in parts if isinstance(part, nn.BatchNorm2d)]
    *folded, head = _convolutions(bundle / NETWORK_NAME)
    if len(folded) != len(convolutions):
        raise StartUnusable(f"{bundle.name} has {len(folded)} layers, this plan's network {len(convolutions)}")
    with torch.no_grad():
        for convolution, norm, (weight, bias) in zip(convolutions, norms, folded, strict=True):
            _copy(convolution.weight, weight, bundle.name)
            _copy(norm.bias, bias, bundle.name)
            norm.running_var.fill_(1.0 - _EPSILON)  # type: ignore[union-attr]
        _copy(network.inner.head.weight, head[0], bundle.name)
        _copy(network.inner.head.bias, head[1], bundle.name)
    return network


def spread_norms(network: SpineNet, images: Tensor) -> None:
    """Give each normalisation of an unfolded network mean and spread of its layer on ``images`` ``[batch, slice, row,
    column]``, without a change to what the network answers."""

    def measure(norm: nn.Module, arrived: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        mean, variance = arrived[0].mean(dim=(0, 2, 3)), arrived[0].var(dim=(0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.add_(mean)

    hooks = [part.register_forward_pre_hook(measure) for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    try:
        with torch.no_grad():
            network.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()


def _convolutions(path: Path) -> list[tuple[Float, Float]]:
    """Weights and biases of an ONNX network's convolutions, in the order in which they run."""
    graph = onnx.load(str(path)).graph
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    found = [node.input for node in graph.node if node.op_type == "Conv"]
    if not found or any(len(names) != 3 or not set(names[1:]) <= set(arrays) for names in found):
        raise StartUnusable(f"{path.name} is no network of this kind")
    return [(arrays[weight], arrays[bias]) for _, weight, bias in found]


def _copy(into: Tensor | None, array: Float, name: str) -> None:
    if into is None or tuple(into.shape) != array.shape:
        raise StartUnusable(f"{name} has a layer of {array.shape}, this plan's network another")
    into.copy_(torch.from_numpy(array.copy()))
