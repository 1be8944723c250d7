"""What a reader sees of a report in OHIF: every level's name and number, legible, on the image they belong to."""

from __future__ import annotations

import pytest

from tests.viewer.cases import Case
from tests.viewer.ohif import Box, Ohif, overlapping
from trabecula.domain.spine import Level

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("viewer")]

REPORT = 900
ZOOMS = (("-", 0), ("-", 3))
"""As the viewer fits the image, and three steps further out, where the texts come closer to each other."""
LEAST_LINE_PX = 12
"""Height of a line that can be read."""
MEASURED = ("ct axial", "ct sagittal", "mr t1", "mr t1 t2", "fracture", "revision 2")


@pytest.mark.parametrize("name", MEASURED)
def test_every_level_stands_beside_its_contour_and_can_be_read(page: Ohif, cases: dict[str, Case], name: str) -> None:
    case = cases[name]
    levels = [level.level for level in case.result.levels]
    assert set(levels) >= {Level.L1, Level.L2, Level.L3, Level.L4}
    page.open_study(case.study_uid)
    page.open_series(REPORT)

    page.texts()
    page.picture(name)
    seen: dict[str, set[str]] = {}
    for key, times in ZOOMS:
        page.press(key, times)
        missing = {*(str(level) for level in levels), "Lumbar spine"}
        while missing:
            texts = page.texts()
            _legible(texts, page.viewport())
            for text in texts:
                site = text.lines[-1].removeprefix("363698007: ").removesuffix(" vertebra")
                seen.setdefault(site, set()).add(" | ".join(text.lines[:-1]))
                missing.discard(site)
            if missing:
                page.step_back()

    assert page.errors == []
    assert seen == {**{str(level): {_beside(str(level), name)} for level in levels}, "Lumbar spine": {_of_spine(name)}}


def _legible(texts: list[Box], viewport: Box) -> None:
    assert overlapping(texts) == []
    assert [text.lines for text in texts if not viewport.holds(text)] == []
    assert all(text.height / len(text.lines) >= LEAST_LINE_PX for text in texts)


def _beside(level: str, name: str) -> str:
    """What OHIF draws beside a level's contour. The finding site follows, under the value of its concept's code."""
    if name.startswith("ct"):
        return f"{level} mean HU: 104.20 [hnsf'U]"
    if name == "fracture" and level == "L2":
        return "L2 VBQ (not used): 2.86 {ratio} | L2 height loss: 31.00 %"
    return f"{level} VBQ: 2.86 {{ratio}}"


def _of_spine(name: str) -> str:
    if name.startswith("ct"):
        return "L1 mean HU: 104.20 [hnsf'U] | L1-L4 mean HU: 104.20 [hnsf'U]"
    t2 = " | L1-L4 T2 VBQ: 0.47 {ratio}" if name == "mr t1 t2" else ""
    return f"L1-L4 VBQ: 2.86 {{ratio}}{t2} | L1-L4 VBQ over all voxels: 2.89 {{ratio}}"
