"""Draws what the segmenter's generators make, the pictures of docs/segmenter.md: `python docs/draw_segmenter.py`.

`python docs/draw_segmenter.py FOLDER` draws sacra beside real ones instead: FOLDER holds the volumes of
docs/segmenter.md that may be shown (SPIDER, CC BY 4.0).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import SpineOptions
from trabecula.segmentation.network.grids import axes_of
from trabecula_training.segmenter.drawing.closeup_pool import draw_closeups
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.drawing.pool import draw_pool
from trabecula_training.segmenter.judging.figures import plot_closeups, plot_sacra, plot_samples
from trabecula_training.segmenter.judging.phantom_cases import CaseOptions, case_spine, draw_case, upper_edge_mm
from trabecula_training.segmenter.real.data import read_labelled

IMAGES = Path(__file__).parent / "images"
SHOWN_MM = (120.0, 110.0)
"""Height and depth of a picture of a sacrum."""
FORMS = {
    "ordinary": SpineOptions(lumbar_count=5),
    "ordinary, another": SpineOptions(lumbar_count=5),
    "disc of 0.5 below S1": SpineOptions(lumbar_count=5, sacral_disc=0.5),
    "lumbarised S1": SpineOptions(lumbar_count=5, sacral_wedge=0.0, sacral_disc=0.9),
    "sacralised L5": SpineOptions(lumbar_count=4, sacral_disc=0.45),
}
REAL = ("018", "045", "007", "110", "200")
"""Volumes to show: two plain sacra, two whose S1 was once outlined as L5, one with a tall disc below S1."""


def drawn_sacrum(number: int, spine: SpineOptions) -> NDArray[np.floating]:
    """The middle slice of a drawn spine around S1."""
    options = CaseOptions(look=Look.T2, pixel_mm=0.7, field_mm=(SHOWN_MM[0], 240.0, 4.4), spine=spine)
    s1 = next(item for item in case_spine(number, options).vertebrae if item.level is Level.S1)
    shift = float(s1.centre_mm[2]) + SHOWN_MM[0] / 2 - upper_edge_mm(options)
    options = CaseOptions(
        look=options.look, pixel_mm=0.7, field_mm=options.field_mm, spine=spine, shift_mm=shift, side_mm=2.2
    )
    volume = draw_case(number, options).volume
    column = (float(s1.centre_mm[1]) - float(volume.geometry.affine[1, 3])) / 0.7
    return around(volume.array[0], volume.array.shape[1] / 2, column, (0.7, 0.7))


def real_sacra(folder: Path) -> list[tuple[str, NDArray[np.floating]]]:
    """The middle slices of real volumes around S1, which lies below and behind the labelled L5."""
    found = {}
    for case in read_labelled(folder):
        if case.name in REAL:
            axes = axes_of(case.volume.geometry)
            turned = [
                np.transpose(array, axes.order)[tuple(slice(None, None, sign) for sign in axes.signs)]
                for array in (case.volume.array, case.truth)
            ]
            places = np.argwhere(turned[1] == Level.L5.label)
            plane, row, column = places.mean(axis=0)
            steps = (float(axes.steps_mm[1]), float(axes.steps_mm[2]))
            image = turned[0][round(float(plane))]
            found[case.name] = around(image, row + 32.0 / steps[0], column + 12.0 / steps[1], steps)
    return [(f"SPIDER {name}", found[name]) for name in REAL]


def around(
    image: NDArray[np.floating], row: float, column: float, steps_mm: tuple[float, float]
) -> NDArray[np.floating]:
    """The part of a slice of the shown size around a place, as far as it goes."""
    parts = []
    for place, step, shown in zip((row, column), steps_mm, SHOWN_MM, strict=True):
        half = shown / 2 / step
        parts.append(slice(max(round(place - half), 0), round(place + half)))
    return image[parts[0], parts[1]]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        drawn = [(title, drawn_sacrum(97_100 + k, spine)) for k, (title, spine) in enumerate(FORMS.items())]
        plot_sacra((drawn, real_sacra(Path(sys.argv[1]))), IMAGES / "segmenter-sacra.png")
    else:
        plot_samples(draw_pool(seed=11, count=18, processes=2), IMAGES / "segmenter-generator.png")
        plot_closeups(draw_closeups(seed=11, spines=8, processes=2), IMAGES / "segmenter-closeups.png")
