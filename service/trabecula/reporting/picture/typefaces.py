"""The typefaces of the page: the packaged one, and one with Chinese and Japanese letters that a host has."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path

from PIL import ImageFont

from trabecula.domain.errors_of.fonts import CjkFontMissing
from trabecula.domain.language import Language

_RANGES = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
    (0x2212, 0x2212),
)
"""Ranges of Unicode that the packaged fonts hold: Latin, Greek, Cyrillic, punctuation, the minus sign."""
_CJK_FONTS = (Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),)
"""Where Debian's and Ubuntu's package fonts-noto-cjk puts them."""
_BOLD = (("-Regular", "-Bold"), ("-Medium", "-Bold"))
_FACES = {Language.JAPANESE: 0, Language.CHINESE: 2}
"""The face of a collection (.ttc) with the letter forms of a language, as Noto Sans CJK orders them: JP, KR, SC."""
_LIFT = 0.06
"""Noto Sans CJK: ascender 1.160, descender -0.288, letters from -0.120 to 0.880 em."""
_PROBE = 32
_NOT_A_CHARACTER = "\uffff"


class CjkFont(ImageFont.FreeTypeFont):
    """A face of a font file of the host, which says what it holds."""

    def holds(self, sign: str) -> bool:
        """Whether the font draws this sign as something else than a missing one."""
        return sign == " " or _drawn(str(self.path), self.index, sign) != _drawn(
            str(self.path), self.index, _NOT_A_CHARACTER
        )


def prints(face: ImageFont.FreeTypeFont, sign: str) -> bool:
    """Return whether a face holds a sign."""
    if isinstance(face, CjkFont):
        return sign.isprintable() and face.holds(sign)
    return any(low <= ord(sign) <= high for low, high in _RANGES)


def lift(face: ImageFont.FreeTypeFont) -> int:
    """Return how many pixels higher a line is written, so that its letters stand in the middle of their box: a CJK font
    has more room above its letters than below them."""
    return round(_LIFT * face.size) if isinstance(face, CjkFont) else 0


@dataclass(frozen=True)
class Typeface:
    """A typeface in two weights; without files it is the packaged one (DejaVu Sans Condensed)."""

    regular: str = ""
    bold: str = ""
    index: int = 0

    def font(self, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """Return a face in pixels."""
        if not self.regular:
            return font(size, bold=bold)
        return _cjk_face(self.bold if bold else self.regular, size, self.index)

    @property
    def digest(self) -> str:
        """SHA-256 of the files, since the pixels follow from them; "" for the packaged one, which is software."""
        return _sha256(self.regular, self.bold) if self.regular else ""

    def lacks(self, text: str) -> str:
        """Return the signs of a text that the typeface does not hold."""
        faces = [self.font(_PROBE), self.font(_PROBE, bold=True)]
        return "".join(sorted({sign for sign in text if not all(prints(face, sign) for face in faces)}))


PACKAGED = Typeface()


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the packaged typeface (DejaVu Sans Condensed) in pixels; no font of the system is needed."""
    name = "DejaVuSansCondensed-Bold.ttf" if bold else "DejaVuSansCondensed.ttf"
    with resources.as_file(resources.files("trabecula.data").joinpath("fonts", name)) as path:
        return ImageFont.truetype(str(path), size)


def typeface_of(language: Language, cjk_font: Path | None) -> Typeface:
    """Return the typeface of a language. ``cjk_font`` is the font file that a site names for Chinese and Japanese;
    without it the usual places are looked at. Raises CjkFontMissing."""
    if not language.needs_cjk_font:
        return PACKAGED
    path = cjk_font or next((known for known in _CJK_FONTS if known.is_file()), None)
    if path is None:
        raise CjkFontMissing(f"a destination wants {language}, and no font is at {_CJK_FONTS[0]}")
    bold = next((found for old, new in _BOLD if (found := _sibling(path, old, new)).is_file()), path)
    index = _FACES[language] if path.suffix.casefold() in (".ttc", ".otc") else 0
    try:
        for each in (path, bold):
            _cjk_face(str(each), _PROBE, index)
    except OSError as error:
        raise CjkFontMissing(f"{path} cannot be used ({error})") from error
    return Typeface(str(path), str(bold), index)


def _sibling(path: Path, old: str, new: str) -> Path:
    return path.with_name(path.name.replace(old, new))


@cache
def _cjk_face(path: str, size: int, index: int) -> CjkFont:
    return CjkFont(path, size, index, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=20_000)
def _drawn(path: str, index: int, sign: str) -> tuple[tuple[int, int], bytes]:
    mask = _cjk_face(path, _PROBE, index).getmask(sign)
    return mask.size, bytes(mask)


@cache
def _sha256(*paths: str) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()
