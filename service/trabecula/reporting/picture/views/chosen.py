"""What the page shows of a study: the spine and an axial slice, or a look at what was refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from trabecula.domain import codes
from trabecula.domain.modality import Modality
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.result import StudyResult
from trabecula.domain.spine import MEASURED_LEVELS, Level, level_of_label
from trabecula.reporting.languages.telling import Texts
from trabecula.reporting.picture.palette import BLACK, QUIET
from trabecula.reporting.picture.text import Box, Column, Sheet
from trabecula.reporting.picture.views.axial import axial_view, drawn_axial
from trabecula.reporting.picture.views.contours import Cut
from trabecula.reporting.picture.views.measured import measured_regions
from trabecula.reporting.picture.views.refused import RefusedLook
from trabecula.reporting.picture.views.spine import SagittalView, drawn, sagittal_view
from trabecula.reporting.wording import compared_words, leading_measurement

_CAPTION = 36
_LETTERS = 24
_UNITS = {codes.ATTENUATION: " HU"}


@dataclass(frozen=True, eq=False)
class Views:
    """What can be shown of a study; ``regions`` are measured regions by label, cut out of the primary volume."""

    result: StudyResult
    primary: AnalysedVolume | None
    refused: RefusedLook | None
    regions: Mapping[int, Cut] = field(default_factory=dict)

    @classmethod
    def of(cls, result: StudyResult, primary: AnalysedVolume | None, refused: RefusedLook | None) -> Views:
        """Return the views of a result; regions are sought once for all of them."""
        counted = [item.level for item in result.levels if item.evaluable and leading_measurement(item.measurements)]
        regions = measured_regions(primary, counted) if primary is not None and counted else {}
        return cls(result, primary, refused, regions)

    def axial_picture(self, size: int) -> Image.Image | None:
        """Return the axial slice of L1, or of the first level of L1-L4 that was measured; on CT alone."""
        if self.primary is None or self.primary.volume.modality is not Modality.CT:
            return None
        level = next((item for item in MEASURED_LEVELS if item.label in self.regions), None)
        view = axial_view(self.primary, level, self.regions[level.label], size) if level is not None else None
        return None if view is None else drawn_axial(view)


def draw_views(sheet: Sheet, views: Views, box: Box) -> None:
    """Draw the tall image with its caption into the box."""
    left, top, right, bottom = box
    inner = (left, top, right, bottom - _CAPTION)
    sheet.draw.rectangle([inner[0], inner[1], inner[2] - 1, inner[3] - 1], fill=BLACK)
    caption = (left, inner[3], right, bottom)
    if views.primary is not None:
        _spine(sheet, views, views.primary, inner, caption)
    elif views.refused is not None:
        _refused(sheet, views.refused, inner, caption)
    else:
        column = Column(sheet, left + 50, (top + bottom) // 2 - 60, right - left - 100, bottom)
        said = sheet.texts.said("No picture: no series of this study was measured.")
        column.paragraph(said, 32, QUIET)


def _spine(sheet: Sheet, views: Views, primary: AnalysedVolume, box: Box, caption: Box) -> None:
    view = sagittal_view(primary, box[2] - box[0], box[3] - box[1], views.regions)
    notes, faint = _notes(views.result, view, sheet.texts)
    broken = {item.level.label: f"−{item.loss_percent:.0f} %" for item in views.result.deformities if item.named}
    told = {label: words for label, words in broken.items() if label in view.bodies}
    sheet.image.paste(drawn(view, {**told, **notes}, faint, frozenset(told)), (box[0], box[1]))
    words = sheet.texts.said(f"{view.caption}; shaded: measured" if view.regions else view.caption)
    sheet.write(words, caption, sheet.font(_LETTERS), QUIET)


def _notes(result: StudyResult, view: SagittalView, texts: Texts) -> tuple[dict[int, str], frozenset[int]]:
    """The values beside the bodies, and the bodies that do not count."""
    notes, faint = {}, set()
    for label in view.bodies:
        level: Level | None = level_of_label(label)
        found = result.level(level) if level else None
        leading = leading_measurement(found.measurements) if found and found.evaluable else None
        if leading is not None:
            notes[label] = texts.said(compared_words(leading, result.scale) + _UNITS.get(leading.concept, ""))
        elif found is None or not found.evaluable:
            faint.add(label)
    return notes, frozenset(faint)


def _refused(sheet: Sheet, look: RefusedLook, box: Box, caption: Box) -> None:
    image = Image.fromarray(look.grey)
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(width / image.width, height / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    shown = image.resize(size, Image.Resampling.BICUBIC).convert("RGB")
    sheet.image.paste(shown, (box[0] + (width - size[0]) // 2, box[1] + (height - size[1]) // 2))
    sheet.write(look.caption(sheet.texts), caption, sheet.font(_LETTERS), QUIET)
