"""What is wrong with the fonts of the page; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class CjkFontMissing(TrabeculaError):
    """A result in Chinese or Japanese is wanted, and no font with its letters can be used."""

    code = "CJK_FONT_MISSING"
    next_step = (
        "Install the package fonts-noto-cjk (Debian, Ubuntu; SIL Open Font License), or name a font file with "
        "cjk_font, then check with `trabecula doctor --quick`."
    )
