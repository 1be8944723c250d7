"""What a password must be: long and not the account's own name (NIST SP 800-63B, 3.1.1.2: length, no composition)."""

from __future__ import annotations

import unicodedata

from trabecula.domain.errors_of.access import PasswordTooWeak

SHORTEST, LONGEST = 12, 256
_FEWEST_CHARACTERS = 5
"""Different characters: fewer is one key held down."""


def normalised(password: str) -> str:
    """Return the password in the form that is hashed: the same whichever keyboard composed its letters (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, account: str) -> None:
    """Raises PasswordTooWeak, saying why."""
    text = normalised(password)
    if len(text) < SHORTEST:
        raise PasswordTooWeak(f"it has {len(text)} characters, {SHORTEST} are the fewest")
    if len(text) > LONGEST:
        raise PasswordTooWeak(f"it has more than {LONGEST} characters")
    if len(set(text)) < _FEWEST_CHARACTERS:
        raise PasswordTooWeak("it repeats a few characters")
    if account and account.lower() in text.lower():
        raise PasswordTooWeak("it holds the name of the account")
