"""Secrets: read from files when they are needed, so that they can be changed and stand in no setting."""

from __future__ import annotations

from pathlib import Path

from trabecula.domain.errors_of.notification import SecretUnreadable


def read_secret(file: str) -> str:
    """Return what a file holds, without the line's end. Raises SecretUnreadable."""
    try:
        return Path(file).read_text().strip()
    except (OSError, ValueError) as error:
        raise SecretUnreadable(f"{file}: {getattr(error, 'strerror', '') or 'no text'}") from error
