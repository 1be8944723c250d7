"""Draws the regions of measurement on a digital spine: the pictures of docs/regions.md, made again by running this."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from trabecula.domain.modality import Modality
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.phantom.anatomy import PhantomTissue, Sex, SpineOptions, render_anatomy, sample_spine
from trabecula.regions import (
    BodyFrame,
    BodyHeights,
    CsfRegion,
    body_heights,
    csf_v1,
    fit_frame,
    medullary_v1,
    rim_out,
    trabecular_v1,
)

FOLDER = Path(__file__).parent / "images"
SCALE = 8
COLOURS = {"body": (120, 120, 120), "rim": (86, 180, 233), "trab": (230, 159, 0), "csf": (0, 158, 115)}


def grid(spacing: tuple[float, float, float]) -> Geometry:
    """Sagittal slices of 80 mm height and depth around L3, 60 mm wide."""
    counts = [round(size / step) for size, step in zip((60, 90, 110), spacing, strict=True)]
    affine = np.eye(4)
    affine[:3, :3] = np.array([(1, 0, 0), (0, 0, -1), (0, 1, 0)]).T * np.array(spacing)
    affine[:3, 3] = [-30 + spacing[0] / 2, -40, 45]
    return Geometry((counts[0], counts[1], counts[2]), affine)


def shown(base: NDArray[np.uint8], layers: list[tuple[NDArray[np.bool_], tuple[int, int, int]]]) -> Image.Image:
    """A plane with coloured regions on it, enlarged without smoothing."""
    picture = np.repeat(base[..., None], 3, axis=2).astype(np.float64)
    for mask, colour in layers:
        picture[mask] = 0.35 * picture[mask] + 0.65 * np.array(colour)
    return Image.fromarray(picture.astype(np.uint8)).resize(
        (base.shape[1] * SCALE // 2, base.shape[0] * SCALE // 2), Image.Resampling.NEAREST
    )


def named(panels: list[tuple[str, Image.Image]]) -> Image.Image:
    """Panels side by side, each with its name above."""
    width = sum(panel.width for _, panel in panels) + 10 * (len(panels) + 1)
    canvas = Image.new("RGB", (width, max(panel.height for _, panel in panels) + 34), (255, 255, 255))
    left = 10
    for name, panel in panels:
        ImageDraw.Draw(canvas).text((left, 8), name, fill=(0, 0, 0), font_size=15)
        canvas.paste(panel, (left, 28))
        left += panel.width + 10
    return canvas


def main() -> None:
    """Write docs/images/regions-body.png and regions-csf.png."""
    spine = sample_spine(np.random.default_rng(7), sex=Sex.FEMALE, age_years=70.0, options=SpineOptions(healthy=True))
    geometry = grid((1.0, 1.0, 1.0))
    anatomy = render_anatomy(spine, geometry)
    labels = anatomy.body_labels()
    mask = labels == Level.L3.label
    frame = fit_frame(mask, geometry)
    trab, medullary, inner = (
        trabecular_v1(mask, geometry, frame),
        medullary_v1(mask, geometry, frame),
        rim_out(mask, geometry),
    )
    heights = body_heights(mask, geometry, frame)
    centre = np.round(geometry.to_index(frame.centre_mm)).astype(int)
    tone = np.where(labels > 0, 150, np.where(anatomy.tissue == PhantomTissue.CSF, 60, 95)).astype(np.uint8)
    sagittal = (centre[0], slice(None), slice(None))
    axial = (slice(None), centre[1], slice(None))
    coronal = (slice(None), slice(None), centre[2])

    def panel(place: tuple[slice | int, ...], region: NDArray[np.bool_], turn: bool) -> Image.Image:
        cut = [array[place].T if turn else array[place] for array in (tone, mask, inner, region)]
        rim = cut[1].astype(bool) & ~cut[2].astype(bool)
        return shown(cut[0], [(rim, COLOURS["rim"]), (cut[3].astype(bool), COLOURS["trab"])])

    FOLDER.mkdir(exist_ok=True)
    named(
        [
            ("trab_v1 sagittal", panel(sagittal, trab, False)),
            ("coronal", panel(coronal, trab, True)),
            ("axial", panel(axial, trab, True)),
            ("medullary_v1 sagittal", panel(sagittal, medullary, False)),
            ("axial", panel(axial, medullary, True)),
        ]
    ).save(FOLDER / "regions-body.png")
    image = np.select(
        [anatomy.tissue == PhantomTissue.CSF, anatomy.tissue == PhantomTissue.EPIDURAL_FAT, labels > 0],
        [100.0, 600.0, 300.0],
        180.0,
    ) + np.random.default_rng(1).normal(0, 8, labels.shape)
    volume = Volume(array=image.astype(np.float32), geometry=geometry, modality=Modality.MR)
    segmentation = Segmentation(
        labels=labels,
        bodies=(SegmentedBody(label=22, level=Level.L3, quality=1.0),),
        segmenter=SegmenterIdentity("truth", "1"),
        quality=1.0,
        numbering="",
        tissues=anatomy.network_classes(),
    )
    region = csf_v1(segmentation, volume)
    if not isinstance(region, CsfRegion):
        raise SystemExit(region.sentence)
    grey = np.clip(image / 3, 0, 255).astype(np.uint8)
    named(
        [
            ("csf_v1 sagittal", shown(grey[sagittal], [(region.mask[sagittal], COLOURS["csf"])])),
            ("axial", shown(grey[axial].T, [(region.mask[axial].T, COLOURS["csf"])])),
        ]
    ).save(FOLDER / "regions-csf.png")
    if heights is not None:
        draw_heights(mask[sagittal], geometry, frame, heights)


def draw_heights(cut: NDArray[np.bool_], geometry: Geometry, frame: BodyFrame, heights: BodyHeights) -> None:
    """Write docs/images/regions-heights.png: the thirds, in the axes of the body, of Ha, Hm and Hp."""
    image = shown(np.where(cut, 150, 60).astype(np.uint8), [])
    draw = ImageDraw.Draw(image)

    def place(v: float, w: float) -> tuple[float, float]:
        index = geometry.to_index(frame.to_lps(np.array([0.0, v, w])))
        return float(index[2] + 0.5) * SCALE / 2, float(index[1] + 0.5) * SCALE / 2

    low, high = frame.extents_mm[1]
    trim = 0.1 * (high - low)
    edges = [float(edge) for edge in np.linspace(low + trim, high - trim, 4)]
    reach = frame.height_mm / 2 + 3
    for edge in edges:
        draw.line([place(edge, -reach), place(edge, reach)], fill=COLOURS["trab"], width=2)
    values = (("Ha", heights.anterior_mm), ("Hm", heights.middle_mm), ("Hp", heights.posterior_mm))
    for (name, value), first, last in zip(values, edges[:-1], edges[1:], strict=True):
        middle = (first + last) / 2
        draw.text(place(middle, 0.0), name, fill=(0, 0, 0), font_size=16, anchor="mm")
        draw.text(place(middle, reach + 4), f"{value:.1f}", fill=(255, 255, 255), font_size=13, anchor="mm")
    named([("heights_v1, mid-sagittal, mm", image)]).save(FOLDER / "regions-heights.png")


if __name__ == "__main__":
    main()
