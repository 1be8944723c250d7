from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from tests.reporting.builders import ANALYSED_AT, Study, demonstration_score, not_evaluable_result, result_of
from tests.reporting.picture.pages import CT_SCALE, broken, long_header, longest, not_used, pixels, sheet
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, ObjectKind, PriorResult, StudyResult
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import Level
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.picture.banner import identity_line
from trabecula.reporting.picture.facts import MOST_ROWS, box_height, fact_rows
from trabecula.reporting.picture.page import HEIGHT, WIDTH
from trabecula.reporting.picture.palette import CATEGORY_COLOURS, level_colour
from trabecula.reporting.picture.text import Column, Sheet, Written, fitted, font, is_printable, printable, wrapped

FRACTURE = Reason(
    code=ReasonCode.FRACTURE_LEVEL, level=Level.L1, detail="moderate wedge, height loss", value=40.0, unit="%"
)

EARLIER = Predecessor(
    sop_class_uid="1.2",
    sop_instance_uid=InstanceUid("1.3"),
    series_uid=SeriesUid("1.4"),
    analysed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
)


def page(study: Study, result: StudyResult, *, with_volume: bool = True, name: bool = True) -> np.ndarray:
    return pixels(study, result, with_volume=with_volume, with_name=name)


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

    assert identity_line(header, with_name=True) == f"{shown}   ·   ID 7   ·   born 1952-06-07   ·   F"
    assert identity_line(header, with_name=False) == "ID 7"


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


@pytest.mark.parametrize("count", [0, 1, 3, 12, 60])
@pytest.mark.parametrize("sources", [0, 1, 3])
def test_every_row_of_the_grey_box_stands_within_it(mr: Study, count: int, sources: int) -> None:
    base = result_of(mr)
    long = replace(base.sources[0], description="a description that is as long as a scanner lets it be " * 2)
    result = replace(base, sources=(long,) * sources, series_not_used=not_used(count))

    rows = fact_rows(result, ANALYSED_AT, "Header values were repaired: " + "Study Date, " * 30, 858)

    assert len(rows) <= MOST_ROWS
    assert all(font(20).getlength(row) <= 858 for row in rows)
    assert rows[-1].endswith("revision 1, 2026-11-20 09:30.")
    assert [row for row in rows if row.startswith("Not used: series 3000")] == [
        row for row in rows if "Not used" in row
    ]
    assert sum("Not used" in row for row in rows) == (1 if count else 0)


def test_series_not_used_change_the_grey_box_alone(ct: Study) -> None:
    """A refusal of another series is no remark on the measured one."""
    plain, told = page(ct, result_of(ct)), page(ct, result_of(ct, series_not_used=not_used(2)))

    changed = np.flatnonzero((plain != told).any(axis=(1, 2)))
    assert changed.min() >= 1122 - box_height(MOST_ROWS)
    assert (plain[:, :590] == told[:, :590]).all()


def overlap(one: Written, other: Written) -> int:
    """Pixels that two lines of letters share."""
    wide = min(one.drawn[2], other.drawn[2]) - max(one.drawn[0], other.drawn[0])
    high = min(one.drawn[3], other.drawn[3]) - max(one.drawn[1], other.drawn[1])
    return max(wide, 0) * max(high, 0)


@pytest.mark.parametrize("name", ["ct", "mr"])
@pytest.mark.parametrize("kind", ["usual", "longest", "nothing measured"])
def test_nothing_falls_out_of_its_box_or_upon_another(name: str, kind: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)
    result = {"usual": result_of(study), "longest": longest(study), "nothing measured": not_evaluable_result()}[kind]
    changes = (
        {"header": long_header(study), "remark": "repaired " * 40, "replaces": EARLIER} if kind == "longest" else {}
    )

    drawn_sheet = sheet(study, result, with_volume=kind != "nothing measured", **changes)

    written = [item for item in drawn_sheet.written if item.text.strip()]
    assert len(written) > 5
    assert [item for item in written if not item.is_inside] == []
    assert all(item.drawn[0] >= 0 and item.drawn[2] <= WIDTH and item.drawn[3] <= HEIGHT for item in written)
    assert [(one.text, other.text) for one, other in combinations(written, 2) if overlap(one, other)] == []


@pytest.mark.parametrize("kind", ["usual", "longest"])
def test_what_is_read_is_legible_where_the_page_is_shown_at_512_pixels(ct: Study, kind: str) -> None:
    """Seven and a half pixels at the least, ten for values and the sentence; the grey box is fine print."""
    result = result_of(ct, for_report="A sentence.", scale=CT_SCALE) if kind == "usual" else longest(ct)

    written = sheet(ct, result).written

    facts_top = min(item.within[1] for item in written if item.size == 20)
    assert all(item.size * 512 / WIDTH >= 7.5 for item in written if item.within[1] < facts_top)
    if kind == "usual":
        sizes = {item.text: item.size for item in written}
        value = f"{result.levels[0].measurements[0].value * CT_SCALE.factor:.0f}"
        assert min(sizes[text] for text in ("A sentence.", "L1", value)) * 512 / WIDTH >= 9.5


def texts(study: Study, result: StudyResult, **changes: object) -> list[str]:
    return [item.text for item in sheet(study, result, **changes).written]


def test_the_patient_id_always_stands_there_and_the_name_by_the_settings(ct: Study) -> None:
    named, bare = texts(ct, result_of(ct)), texts(ct, result_of(ct), with_name=False)

    assert any("Müller Eva" in text and "ID PID-0042" in text for text in named)
    assert "ID PID-0042" in bare
    assert not any("Müller" in text or "1952" in text or "ACC-1" in text for text in bare)
    assert any("2026-11-19" in text for text in bare)


def test_a_later_revision_says_that_it_replaces_an_earlier_result(ct: Study) -> None:
    said = "Replaces the result of 2026-03-01 09:30 (this is revision 2)."

    assert said in texts(ct, result_of(ct, revision=2), replaces=EARLIER)
    assert said not in texts(ct, result_of(ct, revision=2))


def test_a_possible_fracture_stands_in_the_banner_and_beside_its_level(ct: Study) -> None:
    base = result_of(ct)
    levels = (replace(base.levels[0], evaluable=False, flags=(FRACTURE,)), *base.levels[1:])

    said = texts(ct, replace(base, levels=levels, deformity_suspected=True, deformities=(broken(Level.L1),)))

    assert "+ Possible vertebral fracture (moderate)" in said
    assert {"39.7 % moderate", "left out: possible fracture"} <= set(said)
    assert "L1: Possible vertebral fracture (moderate wedge, height loss; 40 %)." not in said


def test_values_are_those_that_are_held_against_the_limits(ct: Study) -> None:
    """After contrast agent a bar is drawn at what is compared, not at what was scanned."""
    base = result_of(ct)

    said = texts(ct, replace(base, scale=CT_SCALE))

    assert {"110", "160", "HU"} <= set(said)
    scanned = base.levels[0].measurements[0].value
    assert f"{scanned * 0.8621:.0f}" in said
    assert "expected at this age, L1: 116 HU (SD 44)" in said


def test_an_earlier_result_of_the_person_stands_below_the_values(ct: Study) -> None:
    earlier = PriorResult(
        study_uid="1.4", revision=1, study_date="20240302", modality="MR", value=2.1, category="INDETERMINATE"
    )

    said = " ".join(texts(ct, result_of(ct, priors=(earlier,))))

    assert "Earlier MR (2024-03-02): VBQ 2.10" in said


def test_without_limits_none_are_drawn(mr: Study) -> None:
    said = texts(mr, result_of(mr, scale=ValueScale()))

    assert "VBQ" in said
    assert not any("expected" in text for text in said)


def test_codes_of_our_definitions_are_not_on_the_page(mr: Study) -> None:
    base = result_of(mr)
    values = tuple(
        replace(base.summary[0], method=f"{name}:medullary_v1/csf_v1")
        for name in ("vbq_v1", "vbq_voxels_v1", "t2_vbq_v1")
    )

    said = " ".join(texts(mr, replace(base, summary=values)))

    assert "VBQ 3.22 · VBQ over all voxels 3.22 · T2-weighted ratio (research) 3.22" in said
    assert "_v1" not in said


def test_a_full_column_says_how_much_is_missing() -> None:
    drawing = Sheet(400, 200, (0, 0, 0))
    column = Column(drawing, 0, 0, 400, 100)

    column.list_of(tuple(f"line {number}" for number in range(30)), 20, (255, 255, 255))

    assert column.top <= 100
    assert drawing.written[-1].text.endswith("more: see the structured report.")
    assert not column.paragraph("one more", 20, (255, 255, 255))


def test_the_same_input_gives_the_same_page(ct: Study) -> None:
    assert (pixels(ct, longest(ct)) == pixels(ct, longest(ct))).all()
