"""Draws what the segmenter's generator makes, the picture of docs/segmenter.md: `python docs/draw_segmenter.py`."""

from __future__ import annotations

from pathlib import Path

from trabecula_training.segmenter.figures import plot_samples
from trabecula_training.segmenter.pool import draw_pool

if __name__ == "__main__":
    plot_samples(
        draw_pool(seed=11, count=18, processes=2), Path(__file__).parent / "images" / "segmenter-generator.png"
    )
