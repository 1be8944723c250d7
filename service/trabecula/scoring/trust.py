"""Whom a site believes: bundles that ship are pinned by digest, its own are signed (Ed25519) by a key that it pins.

A bundle's manifest never vouches for itself: who may write into the bundles folder could flip any word of it.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path

from trabecula.data import data_file
from trabecula.domain.errors_of.trust import BundleUntrusted, SigningKeyUnusable
from trabecula.domain.models.bundle import MANIFEST_NAME, SIGNATURE_NAME
from trabecula.scoring.bundles import Bundle

PRIVATE_KEY_NAME = "bundle-key.private"
PUBLIC_KEY_NAME = "bundle-key.public"
KEY_PREFIX = "ed25519:"
_KEY_BYTES = 32


class Provenance(StrEnum):
    """Why a bundle is believed."""

    SHIPPED = "shipped"
    SIGNED = "signed"


@cache
def shipped_digests() -> Mapping[str, str]:
    """Return the SHA-256 of the manifest of every model bundle that ships, by model id."""
    return {name: str(row["sha256"]) for name, row in data_file("shipped_bundles.toml").items()}


@dataclass(frozen=True)
class Trust:
    """What a site believes: digests of manifests by model id, and its public keys (``ed25519:`` and Base64)."""

    pinned: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()

    def provenance(self, bundle: Bundle) -> Provenance:
        """Return why a bundle is believed. Raises BundleUntrusted, SigningKeyUnusable."""
        if self.pinned.get(bundle.manifest.model_id) == bundle.sha256:
            return Provenance.SHIPPED
        if bundle.manifest.model_id in self.pinned:
            raise BundleUntrusted(f"{bundle.manifest.model_id} has the name of a shipped bundle and another manifest")
        try:
            signature = base64.b64decode((bundle.folder / SIGNATURE_NAME).read_bytes().strip(), validate=True)
        except OSError as error:
            raise BundleUntrusted(f"{bundle.manifest.model_id} is not signed") from error
        except (ValueError, binascii.Error) as error:
            raise BundleUntrusted(f"{SIGNATURE_NAME} of {bundle.manifest.model_id} is no signature") from error
        if not self.keys:
            raise BundleUntrusted(f"{bundle.manifest.model_id} is signed, but bundle_keys names no key")
        content = (bundle.folder / MANIFEST_NAME).read_bytes()
        if not any(_verifies(key, signature, content) for key in self.keys):
            raise BundleUntrusted(f"{bundle.manifest.model_id} is signed by no key of bundle_keys")
        return Provenance.SIGNED


def site_trust(keys: tuple[str, ...]) -> Trust:
    """Return the trust of a site with these public keys: what ships, and what they signed."""
    return Trust(shipped_digests(), keys)


def _verifies(key: str, signature: bytes, content: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public = Ed25519PublicKey.from_public_bytes(_key_bytes(key))
    try:
        public.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _key_bytes(key: str) -> bytes:
    try:
        raw = base64.b64decode(key.strip().removeprefix(KEY_PREFIX), validate=True)
    except (ValueError, binascii.Error) as error:
        raise SigningKeyUnusable("it is not ed25519: and Base64") from error
    if len(raw) != _KEY_BYTES:
        raise SigningKeyUnusable(f"it holds {len(raw)} bytes, not {_KEY_BYTES}")
    return raw


def make_key(folder: Path) -> str:
    """Write a new key pair into ``folder`` (the private part readable by its owner alone) and return the public part
    as ``bundle_keys`` takes it. Raises SigningKeyUnusable where one lies there already or the folder refuses it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = KEY_PREFIX + base64.b64encode(private.public_key().public_bytes_raw()).decode()
    secret = KEY_PREFIX + base64.b64encode(private.private_bytes_raw()).decode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / PRIVATE_KEY_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret + "\n")
        (folder / PUBLIC_KEY_NAME).write_text(public + "\n", "ascii")
    except FileExistsError as error:
        raise SigningKeyUnusable(f"{folder} holds a key already; it was left as it is") from error
    except OSError as error:
        raise SigningKeyUnusable(f"{folder} cannot be written ({error.strerror})") from error
    return public


def sign_bundle(bundle: Bundle, key_file: Path) -> str:
    """Sign the manifest of a verified bundle and return the public part of the key. Raises SigningKeyUnusable."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        text = key_file.read_text("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise SigningKeyUnusable(f"{key_file.name} cannot be read") from error
    private = Ed25519PrivateKey.from_private_bytes(_key_bytes(text))
    signature = private.sign((bundle.folder / MANIFEST_NAME).read_bytes())
    try:
        (bundle.folder / SIGNATURE_NAME).write_bytes(base64.b64encode(signature) + b"\n")
    except OSError as error:
        raise SigningKeyUnusable(f"{bundle.folder.name} cannot be written ({error.strerror})") from error
    return KEY_PREFIX + base64.b64encode(private.public_key().public_bytes_raw()).decode()
