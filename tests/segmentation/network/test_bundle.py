"""Tests of the segmenter's bundle: found, verified, and refused when anything was changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trabecula.data.bundle_location import find_bundles_root, find_segmenter_bundle
from trabecula.domain.errors import BundleInvalid, BundleUnknown, SegmenterFailed
from trabecula.segmentation.network.bundle import load_bundle
from trabecula.segmentation.network.inference import NetworkSession


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(find_segmenter_bundle(), tmp_path / "segmenter-1.2.3"))


def test_the_shipped_bundle_is_found_and_small_enough() -> None:
    bundle = load_bundle(find_segmenter_bundle())

    assert bundle.weights.stat().st_size < 30e6
    assert bundle.classes[:3] == ("background", "body", "rim")
    assert len(bundle.weights_sha256) == 64
    assert bundle.calibration


def test_the_newest_version_wins(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "0.3.0"):
        (tmp_path / f"segmenter-{version}").mkdir()
        (tmp_path / f"segmenter-{version}" / "manifest.json").write_text("{}")

    assert find_segmenter_bundle(tmp_path).name == "segmenter-1.10.0"


def test_no_bundle_is_an_error_with_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(BundleUnknown) as caught:
        find_segmenter_bundle(tmp_path)

    assert caught.value.code == "BUNDLE_UNKNOWN"
    assert "trabecula models list" in caught.value.next_step
    assert find_bundles_root().is_dir()


def test_a_wheel_keeps_its_bundles_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "trabecula" / "data"
    package.mkdir(parents=True)
    (tmp_path / "site" / "trabecula_bundles").mkdir()
    monkeypatch.setattr("trabecula.data.bundle_location.__file__", str(package / "bundle_location.py"))

    assert find_bundles_root() == tmp_path / "site" / "trabecula_bundles"


def test_changed_weights_are_refused(copy: Path) -> None:
    weights = bytearray((copy / "model.onnx").read_bytes())
    weights[1000] ^= 1
    (copy / "model.onnx").write_bytes(bytes(weights))

    with pytest.raises(BundleInvalid) as caught:
        load_bundle(copy)

    assert caught.value.code == "BUNDLE_INVALID"
    assert "model.onnx" in caught.value.sentence
    assert "trabecula models verify" in caught.value.next_step


@pytest.mark.parametrize(
    ("key", "value"),
    [("kind", "classifier"), ("files", {"../model.onnx": "0"}), ("input", {}), ("classes", 3), ("files", {})],
)
def test_a_manifest_that_does_not_fit_is_refused(copy: Path, key: str, value: object) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, key: value}))

    with pytest.raises(BundleInvalid):
        load_bundle(copy)


@given(text=st.binary(max_size=200))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_as_manifest_are_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(text)

    with pytest.raises(BundleInvalid):
        load_bundle(tmp_path)


def test_weights_that_are_no_network_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a network")

    with pytest.raises(SegmenterFailed) as caught:
        NetworkSession(tmp_path / "model.onnx", ("background",), 32, 1)

    assert caught.value.code == "SEGMENTER_FAILED"
