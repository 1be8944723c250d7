"""Draws what the segmenter's generators make, the pictures of docs/segmenter.md: `python docs/draw_segmenter.py`."""

from __future__ import annotations

from pathlib import Path

from trabecula_training.segmenter.drawing.closeup_pool import draw_closeups
from trabecula_training.segmenter.drawing.pool import draw_pool
from trabecula_training.segmenter.judging.figures import plot_closeups, plot_samples

IMAGES = Path(__file__).parent / "images"

if __name__ == "__main__":
    plot_samples(draw_pool(seed=11, count=18, processes=2), IMAGES / "segmenter-generator.png")
    plot_closeups(draw_closeups(seed=11, spines=8, processes=2), IMAGES / "segmenter-closeups.png")
