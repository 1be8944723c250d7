"""The form of a tag: a short word in small letters that fits into an address, a mark and a CSV."""

from __future__ import annotations

import re

from trabecula.domain.errors_of.bulk import TagRefused

LONGEST_TAG = 40
_TAG = re.compile(r"[^\W_][\w.-]*(?: [\w.-]+)*")


def check_tag(text: str) -> str:
    """Return the tag as it is kept: small letters, one space between words. Raises TagRefused.

    Letters and digits of any language, with ``_``, ``-`` and ``.`` inside; at most 40 characters.
    """
    tag = " ".join(text.lower().split())
    if len(tag) > LONGEST_TAG or not _TAG.fullmatch(tag):
        raise TagRefused(repr(text[: 2 * LONGEST_TAG]))
    return tag
