"""Whom a site believes: what ships by its digest, its own by a signature, nobody by their own word."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scoring.keys import signed, site_key
from tests.scoring.made_bundle import manifest, trusting, write_bundle
from trabecula.domain.errors_of.trust import BundleUntrusted, SigningKeyUnusable
from trabecula.domain.models.bundle import MANIFEST_NAME, SIGNATURE_NAME
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.trust import KEY_PREFIX, PUBLIC_KEY_NAME, Provenance, Trust, make_key, sign_bundle


def test_a_bundle_signed_by_a_pinned_key_is_believed(tmp_path: Path) -> None:
    private, public = site_key(tmp_path / "keys")
    bundle = load_bundle(signed(write_bundle(tmp_path, manifest("made")), private))

    assert Trust({}, (public,)).provenance(bundle) is Provenance.SIGNED
    assert (tmp_path / "keys" / PUBLIC_KEY_NAME).read_text().strip() == public
    assert private.stat().st_mode & 0o077 == 0


def test_a_word_of_the_manifest_changed_after_signing_is_refused(tmp_path: Path) -> None:
    private, public = site_key(tmp_path / "keys")
    folder = signed(write_bundle(tmp_path, manifest("made")), private)
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    (folder / MANIFEST_NAME).write_text(json.dumps(document | {"demonstration": False}))

    with pytest.raises(BundleUntrusted, match="signed by no key of bundle_keys") as caught:
        Trust({}, (public,)).provenance(load_bundle(folder))

    assert caught.value.code == "BUNDLE_UNTRUSTED"
    assert "trabecula models sign" in caught.value.next_step


def test_another_sites_key_and_no_key_are_refused(tmp_path: Path) -> None:
    private, _ = site_key(tmp_path / "keys")
    _, other = site_key(tmp_path / "others")
    bundle = load_bundle(signed(write_bundle(tmp_path, manifest("made")), private))

    for keys, words in (((other,), "by no key"), ((), "bundle_keys names no key")):
        with pytest.raises(BundleUntrusted, match=words):
            Trust({}, keys).provenance(bundle)


def test_an_unsigned_bundle_and_a_signature_of_rubbish_are_refused(tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path, manifest("made")))
    with pytest.raises(BundleUntrusted, match="made is not signed"):
        Trust().provenance(bundle)

    (bundle.folder / SIGNATURE_NAME).write_bytes(b"\xff rubbish")
    with pytest.raises(BundleUntrusted, match="is no signature"):
        Trust().provenance(bundle)


def test_what_ships_is_believed_by_its_digest_alone(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, manifest("made"))
    trust = trusting(tmp_path)
    assert trust.provenance(load_bundle(folder)) is Provenance.SHIPPED

    other = load_bundle(write_bundle(tmp_path / "other", manifest("made", demonstration=False)))
    with pytest.raises(BundleUntrusted, match="has the name of a shipped bundle and another manifest"):
        trust.provenance(other)


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    private, _ = site_key(tmp_path)
    before = private.read_bytes()

    with pytest.raises(SigningKeyUnusable, match="holds a key already") as caught:
        make_key(tmp_path)

    assert caught.value.code == "SIGNING_KEY_UNUSABLE"
    assert caught.value.next_step
    assert private.read_bytes() == before


@pytest.mark.parametrize(
    "text", ["", "rubbish", KEY_PREFIX + base64.b64encode(b"short").decode(), "ed25519:\u00e4", "\0"]
)
def test_what_is_no_key_is_told(tmp_path: Path, text: str) -> None:
    site_key(tmp_path / "keys")
    bundle = load_bundle(write_bundle(tmp_path, manifest("made")))
    (tmp_path / "key").write_text(text, "utf-8")
    (bundle.folder / SIGNATURE_NAME).write_bytes(base64.b64encode(bytes(64)))

    with pytest.raises(SigningKeyUnusable):
        sign_bundle(bundle, tmp_path / "key")
    with pytest.raises(SigningKeyUnusable):
        replace(Trust(), keys=(text,)).provenance(bundle)
