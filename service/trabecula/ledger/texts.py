"""What PostgreSQL can keep of a text that came from outside."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from trabecula.domain.study.study import ReceivedInstance


def storable(text: str) -> str:
    """Return the text without NUL (PostgreSQL refuses it, DICOM pads with it) and without lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")


def storable_instance(instance: ReceivedInstance) -> ReceivedInstance:
    """Return the instance with texts that can be kept."""
    texts = {item.name: getattr(instance, item.name) for item in fields(instance)}
    cleaned: dict[str, Any] = {name: storable(value) for name, value in texts.items() if isinstance(value, str)}
    return replace(instance, **cleaned)
