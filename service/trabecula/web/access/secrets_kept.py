"""Secrets and the one-way forms in which they are kept: Argon2id of passwords, SHA-256 of random secrets.

A random secret of 256 bits needs no slow hash; a password does (RFC 9106, second recommended option: 64 MiB).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from trabecula.domain.access.password_rules import normalised

_MARK = "trb_"
"""How an API token begins, so that scanners of repositories find one that leaked."""
_SHOWN = 12
_AT_ONCE = threading.BoundedSemaphore(4)
"""Passwords that are hashed at the same time: 64 MiB each, however many strangers guess."""
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)


def new_secret() -> str:
    """Return a random secret of 256 bits, as a cookie or a form can hold it."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """Return a new API token."""
    return _MARK + secrets.token_urlsafe(32)


def new_password() -> str:
    """Return a random password of 120 bits that a person can type: groups of letters that do not look alike."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(5))


def shown_part(token: str) -> str:
    """Return the beginning of a token, by which its owner knows it again."""
    return token[:_SHOWN]


def digest(secret: str) -> str:
    """Return SHA-256 of a random secret, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    with _AT_ONCE:
        return _HASHER.hash(normalised(password))


def password_matches(password: str, hashed: str | None) -> bool:
    """Return whether a password is the one that was hashed; takes as long where there is no account to compare with."""
    compared = hashed or _nobodys_hash()
    try:
        with _AT_ONCE:
            matches = _HASHER.verify(compared, normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return matches and bool(hashed)


def form_secret(session_secret: str) -> str:
    """Return what a form of this session must carry; who reads it in a page cannot make the session's secret of it."""
    return hmac.new(session_secret.encode(), b"form", hashlib.sha256).hexdigest()


def is_same(one: str, other: str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


@cache
def _nobodys_hash() -> str:
    return hash_password(new_secret())
