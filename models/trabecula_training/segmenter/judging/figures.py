"""Pictures of the segmenter: what its generators draw, and predicted against true Dice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from trabecula_training.segmenter.drawing.classes import NetworkClass
from trabecula_training.segmenter.drawing.closeup_classes import CloseUpClass
from trabecula_training.segmenter.drawing.closeup_pool import CloseUps
from trabecula_training.segmenter.drawing.closeup_samples import draw_closeup_sample
from trabecula_training.segmenter.drawing.generator import draw_sample
from trabecula_training.segmenter.drawing.pool import Pool

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def plot_calibration(predicted: NDArray[np.float64], true: NDArray[np.float64], path: Path) -> None:
    """Scatter of predicted and true Dice of bodies on unseen phantoms."""
    figure, axes = plt.subplots(figsize=(4.5, 4.5))
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    axes.scatter(predicted, true, s=10, alpha=0.5, color="tab:blue", edgecolors="none")
    axes.set(xlabel="predicted Dice (quality)", ylabel="true Dice", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.set_title(f"{len(true)} bodies of unseen phantoms")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def plot_samples(pool: Pool, path: Path, seed: int = 1, columns: int = 9) -> None:
    """Training images above their targets."""
    figure, axes = plt.subplots(4, columns, figsize=(1.7 * columns, 10.4))
    colours = ListedColormap([*plt.get_cmap("tab10").colors, "black"])  # type: ignore[attr-defined]
    last = max(NetworkClass)
    for k in range(2 * columns):
        sample = draw_sample((seed, k), pool, (256, 160))
        row, column = 2 * (k // columns), k % columns
        axes[row, column].imshow(sample.image[1], cmap="gray", vmin=0, vmax=1)
        axes[row, column].set_title(sample.look.value, fontsize=9)
        axes[row + 1, column].imshow(sample.target, cmap=colours, vmin=0, vmax=last, interpolation="nearest")
    for cell in axes.flat:
        cell.axis("off")
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=70)
    plt.close(figure)


def plot_closeups(pool: CloseUps, path: Path, seed: int = 1, columns: int = 12) -> None:
    """Training close-ups above the rough outlines that go in with them, above their targets."""
    figure, axes = plt.subplots(6, columns, figsize=(1.25 * columns, 8.2))
    colours = ListedColormap(["black", "orange", "white", "tab:blue", "tab:green", "tab:purple"])
    for k in range(2 * columns):
        sample = draw_closeup_sample((seed, k), pool, 64)
        row, column = 3 * (k // columns), k % columns
        axes[row, column].imshow(sample.image[2], cmap="gray", vmin=-1, vmax=1)
        axes[row, column].set_title(sample.look.value, fontsize=9)
        axes[row + 1, column].imshow(sample.image[-1], cmap="gray", vmin=0, vmax=1)
        axes[row + 2, column].imshow(
            sample.target, cmap=colours, vmin=0, vmax=max(CloseUpClass), interpolation="nearest"
        )
    for cell in axes.flat:
        cell.axis("off")
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=70)
    plt.close(figure)


def plot_sacra(rows: Sequence[Sequence[tuple[str, NDArray[np.floating]]]], path: Path) -> None:
    """Sagittal pictures of sacra with their titles, one row below another."""
    columns = max(len(row) for row in rows)
    figure, axes = plt.subplots(len(rows), columns, figsize=(1.9 * columns, 2.3 * len(rows)), squeeze=False)
    for cell in axes.flat:
        cell.axis("off")
    for cells, row in zip(axes, rows, strict=True):
        for cell, (title, image) in zip(cells, row, strict=False):
            low, high = np.percentile(image, [1, 99])
            cell.imshow(image, cmap="gray", vmin=low, vmax=high)
            cell.set_title(title, fontsize=8)
    figure.tight_layout(pad=0.3)
    figure.savefig(path, dpi=80)
    plt.close(figure)
