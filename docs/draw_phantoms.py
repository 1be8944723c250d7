"""Draws the pictures of docs/phantoms.md: `python docs/draw_phantoms.py`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trabecula.domain.spine import Level
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import PhantomPatient, sample_patient
from trabecula.phantom.protocols import ROUTINE_MR, SMALL_CT, CtProtocol
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomSeries

IMAGES = Path(__file__).parent / "images"
HEIGHT = 460
Picture = NDArray[np.uint8]


def windowed(array: NDArray[np.float32], low: float, high: float) -> Picture:
    """Map intensities between two limits to grey."""
    return np.clip((array - low) / (high - low) * 255, 0, 255).astype(np.uint8)


def scaled(picture: Picture, row_mm: float, column_mm: float, height: int = HEIGHT) -> Image.Image:
    """Return the picture at one height, its proportions in millimetres."""
    rows, columns = picture.shape
    size = (round(height * columns * column_mm / (rows * row_mm)), height)
    return Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC)


def in_a_row(pictures: list[Image.Image], path: Path) -> None:
    """Save pictures side by side."""
    canvas = Image.new("L", (sum(picture.width + 6 for picture in pictures) - 6, HEIGHT))
    left = 0
    for picture in pictures:
        canvas.paste(picture, (left, 0))
        left += picture.width + 6
    canvas.save(path, optimize=True)


def slice_of(series: PhantomSeries, level: Level, axis: int) -> int:
    """Return the index along an axis that runs through the middle of a body."""
    return int(np.median(np.nonzero(series.labels == level.label)[axis]))


def axial(series: PhantomSeries, level: Level, low: float, high: float) -> Image.Image:
    """Draw the axial slice through a body."""
    spacing = series.volume.geometry.spacing_mm
    return scaled(windowed(series.volume.array[slice_of(series, level, 0)], low, high), spacing[1], spacing[2])


def sagittal(series: PhantomSeries, low: float, high: float) -> Image.Image:
    """Draw the sagittal plane through L3 of an axial series."""
    spacing = series.volume.geometry.spacing_mm
    plane = series.volume.array[::-1, :, slice_of(series, Level.L3, 2)]
    return scaled(windowed(plane, low, high), spacing[0], spacing[1])


def draw_ct(patient: PhantomPatient) -> None:
    """Draw a native CT."""
    wide = CtProtocol(pixel_mm=0.8, matrix=(330, 440), thickness_mm=1.25, increment_mm=1.25)
    series = make_ct_study(CtStudySpec(patient, wide)).series_of("CT")
    in_a_row([axial(series, Level.L3, -160, 340), sagittal(series, -250, 650)], IMAGES / "phantom-ct.png")


def draw_mr(patient: PhantomPatient) -> None:
    """Draw T1, T2 and STIR."""
    study = make_mr_study(MrStudySpec(patient, replace(ROUTINE_MR, localizer=False)))
    pictures = []
    for role in ("T1", "T2", "STIR"):
        series = study.series_of(role)
        plane = series.volume.array[slice_of(series, Level.L3, 0)]
        pictures.append(scaled(windowed(plane, 0, float(np.percentile(plane, 99.3))), 1.0, 1.0))
    in_a_row(pictures, IMAGES / "phantom-mr.png")


def draw_defects(patient: PhantomPatient) -> None:
    """Draw metal; fractures with cement; contrast agent with a sharp kernel."""

    def made(*defects: Defect) -> PhantomSeries:
        return make_ct_study(CtStudySpec(patient, SMALL_CT, frozenset(defects))).series_of("CT")

    metal, broken = made(Defect.METAL), made(Defect.WEDGE, Defect.CRUSH, Defect.CEMENT)
    enhanced = made(Defect.PORTAL, Defect.SHARP_KERNEL)
    in_a_row(
        [
            axial(metal, Level.L4, -250, 650),
            sagittal(broken, -250, 650),
            axial(enhanced, Level.L2, -250, 650),
        ],
        IMAGES / "phantom-defects.png",
    )


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    person = sample_patient(2026, 4, age_years=64, density_l1=118.0)
    draw_ct(person)
    draw_mr(person)
    draw_defects(person)
