"""Bundles on disk: every file is verified, whatever does not match is refused by name, segmenters are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scoring.made_bundle import manifest, write_bundle
from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.modality import Modality
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.bundles import bundle_named, find_bundles, load_bundle


def test_a_sound_bundle_is_loaded_with_its_digests(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, manifest("made"))

    bundle = load_bundle(folder)

    assert bundle.manifest.model_id == "made"
    assert bundle.modality is Modality.CT
    assert bundle.model_sha256 == bundle.manifest.files["model.onnx"]
    assert load_bundle(folder).sha256 == bundle.sha256
    assert load_bundle(write_bundle(tmp_path, manifest("mr", SeriesRole.T1W))).modality is Modality.MR


@pytest.mark.parametrize("name", ["model.onnx", "CARD.md"])
def test_a_changed_file_is_named(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path, manifest("made"))
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(BundleInvalid, match=f"{name} of made was changed") as caught:
        load_bundle(folder)

    assert caught.value.code == "BUNDLE_INVALID"
    assert "trabecula models verify" in caught.value.next_step


def test_missing_additional_and_renamed_are_refused(tmp_path: Path) -> None:
    missing = write_bundle(tmp_path, manifest("missing"))
    (missing / "CARD.md").unlink()
    additional = write_bundle(tmp_path, manifest("additional"))
    (additional / "model.pkl").write_bytes(b"")
    renamed = write_bundle(tmp_path, manifest("made")).rename(tmp_path / "renamed")
    empty = tmp_path / "empty"
    empty.mkdir()

    for folder, words in (
        (missing, "CARD.md of missing is missing"),
        (additional, "holds model.pkl"),
        (renamed, "holds the bundle made"),
        (empty, "no readable manifest"),
    ):
        with pytest.raises(BundleInvalid, match=words):
            load_bundle(folder)


def test_the_root_is_listed_without_segmenters_and_hidden_folders(tmp_path: Path) -> None:
    write_bundle(tmp_path, manifest("sound"))
    broken = write_bundle(tmp_path, manifest("broken"))
    (broken / "manifest.json").write_text("{")
    segmenter = tmp_path / "segmenter-1"
    segmenter.mkdir()
    (segmenter / "manifest.json").write_text(json.dumps({"kind": "segmenter"}))
    write_bundle(tmp_path, manifest("moved")).rename(tmp_path / ".export-x")

    found = find_bundles([tmp_path])

    assert [(item.model_id, item.bundle is not None) for item in found] == [("broken", False), ("sound", True)]
    assert bundle_named([tmp_path], "sound").manifest.model_id == "sound"
    with pytest.raises(BundleInvalid):
        bundle_named([tmp_path], "broken")
    with pytest.raises(BundleUnknown) as caught:
        bundle_named([tmp_path], "segmenter-1")
    assert caught.value.code == "BUNDLE_UNKNOWN"
    assert "trabecula models list" in caught.value.next_step
