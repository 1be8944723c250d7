"""The head of the page: the category in its colour, a possible fracture beside it, and whom the page is about."""

from __future__ import annotations

from pydicom import Dataset

from trabecula.domain.results.result import StudyResult
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.palette import CATEGORY_COLOURS, PANEL, QUIET, TEXT, WHITE
from trabecula.reporting.picture.text import Sheet, fitted, is_printable, largest_that_fits
from trabecula.reporting.picture.typefaces import PACKAGED, Typeface

BANNER_BOTTOM = 184
_BAR = 124
_EDGE = 24
_SPLIT = 930


def draw_banner(sheet: Sheet, result: StudyResult, header: Dataset, *, with_name: bool) -> None:
    """Draw the banner, and the line below it that says who and when."""
    width = sheet.image.width
    sheet.draw.rectangle([0, 0, width, _BAR - 1], fill=CATEGORY_COLOURS[result.category])
    said = sheet.texts.said
    words = said(result.category.words)
    large = largest_that_fits(words, _SPLIT - _EDGE, (62, 54, 46, 40, 36, 32), sheet.typeface, bold=True)
    sheet.write(words, (_EDGE, 0, _SPLIT, _BAR), large, WHITE)
    right = [said("Bone density screening: automatic, not reviewed")]
    if result.deformity_suspected:
        right.insert(0, said(fracture_words(result)))
    height = 44
    top = (_BAR - height * len(right)) // 2
    for number, line in enumerate(right):
        first = number == 0 and len(right) > 1
        left = _EDGE + int(large.getlength(words)) + 40
        box = (left, top + number * height, width - _EDGE, top + (number + 1) * height)
        sizes = (36, 32, 28, 26) if first else (28, 26, 24)
        face = largest_that_fits(line, box[2] - left, sizes, sheet.typeface, bold=first)
        sheet.write(line, box, face, WHITE, align="r")
    _identity(sheet, header, with_name)


def fracture_words(result: StudyResult) -> str:
    """Return the possible fractures of a result in the few words that a banner holds."""
    named = [item for item in result.deformities if item.named]
    if len(named) == 1:
        return f"+ Possible vertebral fracture ({named[0].degree})"
    return "+ Possible vertebral fractures" if named else "+ Possible vertebral fracture"


def identity_line(header: Dataset, *, with_name: bool, texts: Texts = ENGLISH, typeface: Typeface = PACKAGED) -> str:
    """Return who the page is about: the Patient ID always, the person only where a site wants the name on it.

    A name whose letters the fonts lack is replaced by a reference to the header.
    """
    parts = [f"ID {header.PatientID}" if header.PatientID else texts.said("no Patient ID")]
    if with_name:
        name = str(getattr(header.PatientName, "alphabetic", "") or header.PatientName or "").replace("^", " ").strip()
        if not name or not is_printable(name, typeface.font(30)):
            name = texts.said("(name: see image header)" if name else "(no name)")
        parts.insert(0, name)
        if header.PatientBirthDate:
            parts.append(texts.fill("born", date=date_words(header.PatientBirthDate)))
        if header.PatientSex:
            parts.append(str(header.PatientSex))
    return "   ·   ".join(parts)


def date_words(value: object) -> str:
    """Return a DICOM date with hyphens."""
    text = str(value)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text


def _identity(sheet: Sheet, header: Dataset, with_name: bool) -> None:
    width = sheet.image.width
    sheet.draw.rectangle([0, _BAR, width, BANNER_BOTTOM - 1], fill=PANEL)
    study = "   ·   ".join(
        str(part)
        for part in (
            sheet.texts.fill("study_of", date=date_words(header.StudyDate)) if header.StudyDate else "",
            header.get("StudyDescription") or "",
            sheet.texts.fill("accession", number=header.AccessionNumber)
            if header.AccessionNumber and with_name
            else "",
        )
        if part
    )
    face = sheet.font(28)
    line = identity_line(header, with_name=with_name, texts=sheet.texts, typeface=sheet.typeface)
    sizes = (30,) if sheet.texts is ENGLISH else (30, 28, 26)  # "born" is longer in other languages
    bold = largest_that_fits(line, 1000, sizes, sheet.typeface, bold=True)
    who = fitted(line, bold, 1000)
    split = _EDGE + int(bold.getlength(who)) + 30
    sheet.write(who, (_EDGE, _BAR, split, BANNER_BOTTOM), bold, TEXT)
    sheet.write(study, (split + 10, _BAR, width - _EDGE, BANNER_BOTTOM), face, QUIET, align="r")
