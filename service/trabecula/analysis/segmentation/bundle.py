"""A segmenter's bundle on disk: manifest, weights and their hashes, read and verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trabecula.domain.errors import BundleInvalid


@dataclass(frozen=True)
class SegmenterBundle:
    """What a manifest says: classes in the order of the output channels, and what was calibrated on phantoms."""

    identifier: str
    version: str
    weights: Path
    weights_sha256: str
    classes: tuple[str, ...]
    multiple: int
    ct_window_hu: tuple[float, float]
    mr_percentiles: tuple[float, float]
    calibration: Mapping[str, Any]
    thresholds: Mapping[str, Any]

    def threshold(self, name: str, default: float) -> float:
        """A threshold of the manifest, or the default where the bundle does not set it."""
        return float(self.thresholds.get(name, default))


def load_bundle(folder: Path) -> SegmenterBundle:
    """Read a bundle and verify every file's hash; raises BundleInvalid where something does not match."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if manifest["kind"] != "segmenter":
            raise BundleInvalid(f"{folder.name} is a {manifest['kind']}")
        _verify(folder, manifest["files"])
        low, high = manifest["input"]["ct_window_hu"]
        first, last = manifest["input"]["mr_percentiles"]
        return SegmenterBundle(
            identifier=str(manifest["id"]),
            version=str(manifest["version"]),
            weights=folder / "model.onnx",
            weights_sha256=str(manifest["files"]["model.onnx"]),
            classes=tuple(str(name) for name in manifest["classes"]),
            multiple=int(manifest["input"]["multiple"]),
            ct_window_hu=(float(low), float(high)),
            mr_percentiles=(float(first), float(last)),
            calibration=dict(manifest["calibration"]),
            thresholds=dict(manifest["thresholds"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BundleInvalid(f"{folder.name}: {type(fault).__name__} {fault}") from fault


def _verify(folder: Path, hashes: Mapping[str, str]) -> None:
    for name, expected in hashes.items():
        if Path(name).name != name:
            raise BundleInvalid(f"{folder.name} names a file outside itself")
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise BundleInvalid(f"{name} of {folder.name} was changed")
