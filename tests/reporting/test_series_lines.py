from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole, SeriesUse
from trabecula.reporting.series_lines import not_used_line, partly_used_lines, reason_words, series_lines


def use(
    number: int | None, *reasons: Reason, used: int = 0, total: int = 20, role: SeriesRole | None = None
) -> SeriesUse:
    return SeriesUse(
        series_uid=f"1.2.{number}", number=number, description="x", modality="MR", images_used=used,
        images_total=total, role=role, reasons=reasons,
    )  # fmt: skip


def why(code: ReasonCode, detail: str = "", **more: float | str) -> Reason:
    return Reason(code=code, blocking=False, detail=detail, **more)  # type: ignore[arg-type]


AXIAL = why(ReasonCode.ORIENTATION, "axial")
ECHO = why(ReasonCode.SEQUENCE_UNSUPPORTED, "gradient echo")


def test_series_of_one_reason_stand_together() -> None:
    line = not_used_line((use(6001, AXIAL), use(3001, ECHO), use(8002, AXIAL)))

    assert line == "Not used: series 6001, 8002 (axial), 3001 (gradient echo)"


def test_what_does_not_fit_is_counted() -> None:
    uses = tuple(use(100 + number, AXIAL if number % 2 else ECHO) for number in range(12))

    line = not_used_line(uses, lambda text: len(text) <= 70)

    assert line == "Not used: series 100, 102 (gradient echo), 101, 103 (axial) and 8 more"
    assert not_used_line(uses, lambda text: False) == "Not used: 12 series"
    assert not_used_line(()) == ""


def test_images_left_out_of_a_used_series_are_told_with_their_number() -> None:
    left = why(ReasonCode.GEOMETRY, "3 images: without position")

    assert partly_used_lines((use(5, left, used=93, total=96, role=SeriesRole.CT),)) == (
        "Series 5: 93 of 96 images used (3 without position)",
    )
    assert partly_used_lines((use(5, used=96, total=96, role=SeriesRole.CT),)) == ()


def test_words_without_a_number_say_whom_they_mean() -> None:
    lower = why(ReasonCode.OTHER_SERIES, "ranked lower by contrast agent")

    assert partly_used_lines((use(2, lower, used=96, total=192, role=SeriesRole.CT),)) == (
        "Series 2: 96 of 192 images used (the others: ranked lower by contrast agent)",
    )


def test_a_series_with_two_roles_names_them() -> None:
    both = tuple(use(7, used=13, total=26, role=role) for role in (SeriesRole.T1W, SeriesRole.T2W))

    assert partly_used_lines(both) == (
        "Series 7: 13 of 26 images used as T1w", "Series 7: 13 of 26 images used as T2w",
    )  # fmt: skip


def test_reasons_are_told_in_few_words() -> None:
    assert reason_words(why(ReasonCode.SLICE_THICKNESS, value=6.5, limit=5.0, unit="mm")) == "too thick, 6.5 mm"
    assert reason_words(why(ReasonCode.UNREADABLE_PIXELS, "x" * 100)) == "unreadable"
    assert reason_words(why(ReasonCode.MISSING_SLICES, "2 images")) == "2 slices missing"
    assert reason_words(why(ReasonCode.METAL)) == "metal"


def test_images_counted_among_all_of_a_series_are_counted_once() -> None:
    shifted = "1 of 96 images, whose values lie +24 HU beside their neighbours'"
    lost = "missing in 2 of 96 images"
    broken = "2 of 96 images; the first: file a, transfer syntax JPEG 2000"

    assert reason_words(why(ReasonCode.RESCALE, shifted)) == "1 without fitting rescale values"
    assert reason_words(why(ReasonCode.RESCALE, lost)) == "2 without fitting rescale values"
    assert reason_words(why(ReasonCode.UNREADABLE_PIXELS, broken)) == "2 unreadable"


def test_a_series_without_number_is_told_as_such() -> None:
    assert not_used_line((use(None, AXIAL),)) == "Not used: series without number (axial)"


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 2**31)), st.sampled_from(list(ReasonCode)),
                       st.text(max_size=80)), max_size=30),
    st.integers(20, 200),
)  # fmt: skip
def test_a_line_never_grows_longer_than_its_place(rows: list[tuple[int | None, ReasonCode, str]], room: int) -> None:
    uses = tuple(use(number, why(code, detail)) for number, code, detail in rows)

    line = not_used_line(uses, lambda text: len(text) <= room)

    assert len(line) <= room
    assert bool(line) == bool(uses)


def test_both_kinds_of_lines_stand_one_after_the_other() -> None:
    used = (use(5, why(ReasonCode.GEOMETRY, "3 images: without position"), used=93, total=96, role=SeriesRole.CT),)

    assert series_lines(used, (use(6, AXIAL),)) == (
        "Series 5: 93 of 96 images used (3 without position). Not used: series 6 (axial)."
    )
