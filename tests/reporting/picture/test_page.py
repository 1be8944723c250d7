from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from pydicom import Dataset, dcmread

from tests.reporting.builders import ANALYSED_AT, Study, demonstration_score, not_evaluable_result, result_of
from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Measurement, ObjectKind, SeriesRole, SeriesUse, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.picture.facts import MOST_ROWS, box_height, fact_rows
from trabecula.reporting.picture.page import HEIGHT, WIDTH, Page, draw_page, identity_line
from trabecula.reporting.picture.palette import CATEGORY_COLOURS, level_colour
from trabecula.reporting.picture.spine import drawn, sagittal_view
from trabecula.reporting.picture.table import remark
from trabecula.reporting.picture.text import Column, fitted, font, is_printable, printable, wrapped
from trabecula.reporting.sources.headers import read_header


def page(study: Study, result: StudyResult, *, with_volume: bool = True, identity: bool = True) -> np.ndarray:
    volume = study.volume if with_volume else None
    return draw_page(
        Page(
            result=result, primary=volume, header=read_header(study.files[0]), when=ANALYSED_AT, with_identity=identity
        )
    )


@pytest.mark.parametrize("category", Category)
def test_the_banner_has_the_colour_of_the_category(mr: Study, category: Category) -> None:
    pixels = page(mr, result_of(mr, category=category))

    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert tuple(pixels[5, 5]) == CATEGORY_COLOURS[category]


def test_white_words_are_readable_on_every_banner() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert all(1.05 / (luminance(colour) + 0.05) > 4.5 for colour in CATEGORY_COLOURS.values())
    assert len(set(CATEGORY_COLOURS.values())) == 4


def test_neighbouring_levels_have_different_colours() -> None:
    labels = [level.label for level in Level]

    assert all(level_colour(a) != level_colour(b) for a, b in pairwise(labels))


@pytest.mark.parametrize("name", ["ct", "mr"])
def test_the_view_shows_every_body_where_it_lies(name: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)

    view = sagittal_view(study.volume, 320, 440)

    assert set(view.masks) == {level.label for level in (*MEASURED_LEVELS, Level.L5)}
    rows = [float(np.nonzero(view.masks[level.label])[0].mean()) for level in (*MEASURED_LEVELS, Level.L5)]
    assert rows == sorted(rows)
    spacing = study.volume.volume.geometry.spacing_mm
    height_mm = 8 * spacing[0] if name == "ct" else 16 * spacing[1]
    mask = view.masks[Level.L2.label]
    assert np.count_nonzero(mask.any(axis=1)) * view.mm == pytest.approx(height_mm, abs=3 * view.mm)
    inside, outside = view.grey[mask].mean(), view.grey[5, view.grey.shape[1] // 2]
    assert inside > outside + 20


def test_front_is_left_and_head_is_up(mr: Study) -> None:
    geometry, labels = mr.volume.volume.geometry, np.zeros_like(mr.volume.labels)
    labels[5, 40:60, 30:50] = Level.L3.label
    array = mr.volume.volume.array.copy()
    array[...] = 0.0
    array[:, :50, :40] = 500.0
    volume = replace(mr.volume, labels=labels, volume=mr.volume.volume.with_array(array))

    view = sagittal_view(volume, 200, 200)

    front_top, back_bottom = view.grey[80, 80], view.grey[120, 120]
    assert front_top > 200
    assert back_bottom < 20
    assert geometry.to_lps(np.array([5.0, 40.0, 30.0]))[2] > geometry.to_lps(np.array([5.0, 60.0, 30.0]))[2]


def test_outlines_are_drawn_in_the_colour_of_their_level(mr: Study) -> None:
    view = sagittal_view(mr.volume, 320, 440)

    image = np.asarray(drawn(view, {Level.L1.label: "3.30"}, frozenset({Level.L2.label})))

    assert (image == np.array(level_colour(Level.L1.label))).all(axis=2).any()
    assert not (image == np.array(level_colour(Level.L2.label))).all(axis=2).any()


def test_a_volume_without_bodies_is_shown_whole(mr: Study) -> None:
    view = sagittal_view(replace(mr.volume, labels=np.zeros_like(mr.volume.labels)), 200, 300)

    assert view.masks == {}
    assert view.grey.max() > 200


def test_pages_differ_in_what_they_say(ct: Study) -> None:
    base = page(ct, result_of(ct))
    many = tuple(Reason(code=code) for code in list(ReasonCode)[:30])

    others = [
        page(ct, result_of(ct, scores=(demonstration_score(),))),
        page(ct, result_of(ct, reasons=many)),
        page(ct, result_of(ct, deformity_suspected=True)),
        page(ct, not_evaluable_result(), with_volume=False),
    ]

    assert all((other != base).any() for other in others)


def test_many_reasons_never_run_into_the_facts(ct: Study) -> None:
    many = tuple(Reason(code=code, detail="a long detail " * 6) for code in ReasonCode)

    few_pixels, many_pixels = page(ct, result_of(ct)), page(ct, result_of(ct, reasons=many))

    assert (few_pixels[985:1140, 700:] == many_pixels[985:1140, 700:]).all()


def test_a_full_page_with_a_demonstration_score_still_has_room_for_reasons(mr: Study) -> None:
    """Six levels, four values of the study, a score: what stands below the table changes with the reasons."""
    base = result_of(mr)
    named = {level.level: level for level in base.levels}
    more = tuple(replace(named[Level.L4], level=level) for level in (Level.T12, Level.L5))
    values = tuple(replace(base.summary[0], method=f"t2_vbq_v{k}:medullary_v1/csf_v1") for k in range(4))
    full = replace(
        base, levels=(*base.levels, *more), summary=values, scores=(demonstration_score(role=SeriesRole.T1W),)
    )
    reasons = (
        Reason(code=ReasonCode.LEVELS_ASSUMED, blocking=False),
        Reason(code=ReasonCode.NO_SITE_REFERENCE, blocking=False),
    )

    silent, told, other = (page(mr, replace(full, reasons=part)) for part in ((), reasons, reasons[1:]))

    below = slice(840, 986)
    assert (silent[below, 700:] != told[below, 700:]).any()
    assert (other[below, 700:] != told[below, 700:]).any()


def test_the_identity_can_be_left_out(ct: Study) -> None:
    named, bare = page(ct, result_of(ct)), page(ct, result_of(ct), identity=False)

    assert (named[140:190, :800] != bare[140:190, :800]).any()
    assert (bare[140:190, :800] == bare[140, 0]).all()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller^Eva", "Müller Eva"),
        ("Yamada^Tarou=山田^太郎", "Yamada Tarou"),
        ("王^小东", "(name: see image header)"),
        ("Παπαδοπούλου^Ελένη", "Παπαδοπούλου Ελένη"),
        ("", "(no name)"),
    ],
)
def test_a_name_that_cannot_be_printed_is_not_printed_as_boxes(name: str, shown: str) -> None:
    header = Dataset()
    header.PatientName, header.PatientID, header.PatientBirthDate, header.PatientSex = name, "7", "19520607", "F"

    assert identity_line(header) == f"{shown}   ·   ID 7   ·   born 1952-06-07   ·   F"


def test_the_table_says_why_a_level_is_left_out(ct: Study) -> None:
    level = result_of(ct).levels[0]
    flags = (Reason(code=ReasonCode.METAL), Reason(code=ReasonCode.CEMENT))

    assert remark(level) == ""
    assert remark(replace(level, flags=flags)) == "metal, cement"
    assert remark(replace(level, evaluable=False, flags=flags[:1])) == "excluded: metal"
    assert remark(replace(level, evaluable=False)) == "excluded"


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300), width=st.integers(60, 600))
def test_lines_never_grow_wider_than_their_column(text: str, width: int) -> None:
    face = font(20)

    lines = wrapped(text, face, width)

    assert all(face.getlength(line) <= width for line in lines)
    assert all(is_printable(line.replace("…", "")) for line in lines)
    assert face.getlength(fitted(text, face, width)) <= width or fitted(text, face, width) == "…"


def test_unprintable_letters_become_question_marks() -> None:
    assert printable("MR 腰椎 ß") == "MR ?? ß"


def test_a_full_column_says_how_much_is_missing() -> None:
    image = Image.new("RGB", (400, 200))
    column = Column(ImageDraw.Draw(image), 0, 0, 400, 100)

    column.list_of(tuple(f"line {number}" for number in range(30)), 20, (255, 255, 255))

    assert column.top <= 100
    assert not column.paragraph("one more", 20, (255, 255, 255))


def test_the_picture_is_an_rgb_secondary_capture(ct: Study, tmp_path: Path) -> None:
    objects = DicomReporter(ReportingConfig(with_segmentation=False)).report(ct.analysis(result_of(ct)), ct.context())
    item = next(item for item in objects if item.kind is ObjectKind.PICTURE)

    found = dcmread(BytesIO(item.content))

    assert (found.PhotometricInterpretation, found.SamplesPerPixel, found.Rows, found.Columns) == ("RGB", 3, 1200, 1600)
    assert (found.BurnedInAnnotation, found.ConversionType, found.BodyPartExamined) == ("YES", "WSD", "LSPINE")
    assert "Laterality" not in found
    assert (found.pixel_array == page(ct, result_of(ct))).all()
    sources = {str(source.ReferencedSOPInstanceUID) for source in found.SourceImageSequence}
    assert sources == {outline.sop_instance_uid for level in result_of(ct).levels for outline in level.outlines}


def test_the_table_shows_means_and_leaves_percentiles_to_the_report(ct: Study) -> None:
    base = result_of(ct)
    percentile = Measurement(
        concept=codes.ATTENUATION, value=71.0, unit=codes.HOUNSFIELD, derivation=codes.PERCENTILE_5
    )
    first = base.levels[0]
    more = (replace(first, measurements=(*first.measurements, percentile)), *base.levels[1:])

    assert (page(ct, result_of(ct, levels=more)) == page(ct, base)).all()


def fact_box(pixels: np.ndarray) -> np.ndarray:
    """The rows of the page on which the grey box has letters."""
    column = pixels[860:1146, 706:1560].astype(int)
    return 860 + np.flatnonzero((column > 120).all(axis=2).any(axis=1))


def not_used(count: int) -> tuple[SeriesUse, ...]:
    words = ("axial", "gradient echo", "localizer")
    return tuple(
        SeriesUse(
            series_uid=f"1.2.{number}", number=3000 + number, description="x", modality="MR", images_used=0,
            images_total=20, reasons=(Reason(code=ReasonCode.ORIENTATION, blocking=False, detail=words[number % 3]),),
        )
        for number in range(count)
    )  # fmt: skip


@pytest.mark.parametrize("count", [0, 1, 3, 12, 60])
@pytest.mark.parametrize("sources", [0, 1, 3])
def test_every_row_of_the_grey_box_stands_within_it(mr: Study, count: int, sources: int) -> None:
    base = result_of(mr)
    long = replace(base.sources[0], description="a description that is as long as a scanner lets it be " * 2)
    result = replace(base, sources=(long,) * sources, series_not_used=not_used(count))

    rows = fact_rows(result, ANALYSED_AT, "Header values were repaired: " + "Study Date, " * 30, 858)

    assert len(rows) <= MOST_ROWS
    assert all(font(18).getlength(row) <= 858 for row in rows)
    assert rows[-1].endswith("revision 1, 2026-11-20 09:30.")
    assert [row for row in rows if row.startswith("Not used: series 3000")] == [
        row for row in rows if "Not used" in row
    ]
    assert sum("Not used" in row for row in rows) == (1 if count else 0)


def test_many_series_push_nothing_out_of_the_grey_box(mr: Study) -> None:
    base = result_of(mr)
    result = replace(base, sources=base.sources * 3, series_not_used=not_used(12))

    plain, full = page(mr, base), page(mr, result)

    assert max(fact_box(full).max(), fact_box(plain).max()) < 1134
    assert fact_box(full).min() < fact_box(plain).min()


def test_series_not_used_change_the_grey_box_alone(ct: Study) -> None:
    """A refusal of another series is no remark on the measured one."""
    plain, told = page(ct, result_of(ct)), page(ct, result_of(ct, series_not_used=not_used(2)))

    changed = np.flatnonzero((plain != told).any(axis=(1, 2)))
    assert changed.min() >= 1134 - box_height(MOST_ROWS)
    assert (plain[:, :690] == told[:, :690]).all()
