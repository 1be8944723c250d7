"""What PostgreSQL can keep of a text that came from outside."""

from __future__ import annotations


def storable(text: str) -> str:
    """Return the text without NUL (PostgreSQL refuses it, DICOM pads with it) and without lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
