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
class RefinerWeights:
    """The second network of a bundle, which draws borders in close-ups, and its classes."""

    weights: Path
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SegmenterBundle:
    """What a manifest says: classes in the order of the output channels, and what was calibrated on phantoms.

    ``weights_sha256`` identifies all weights: that of the network, or of the hashes of both networks in a row.
    ``trained_on`` says in words what they learned from; "" where the bundle does not.
    """

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
    refiner: RefinerWeights | None = None
    trained_on: str = ""

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
            weights_sha256=_identify(manifest),
            classes=tuple(str(name) for name in manifest["classes"]),
            multiple=int(manifest["input"]["multiple"]),
            ct_window_hu=(float(low), float(high)),
            mr_percentiles=(float(first), float(last)),
            calibration=dict(manifest["calibration"]),
            thresholds=dict(manifest["thresholds"]),
            refiner=_refiner(folder, manifest),
            trained_on=str(manifest.get("trained_on", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleInvalid(f"{folder.name}: {type(error).__name__} {error}") from error


def _refiner(folder: Path, manifest: Mapping[str, Any]) -> RefinerWeights | None:
    entry = manifest.get("refiner")
    if entry is None:
        return None
    if entry["file"] not in manifest["files"]:
        raise BundleInvalid(f"{folder.name} names {entry['file']} without its hash")
    classes = tuple(str(name) for name in entry["classes"])
    if missing := {"body", "rim", "s1"} - set(classes):
        raise BundleInvalid(f"{folder.name}: the refiner does not know {', '.join(sorted(missing))}")
    return RefinerWeights(folder / str(entry["file"]), classes)


def _identify(manifest: Mapping[str, Any]) -> str:
    files, entry = manifest["files"], manifest.get("refiner")
    if entry is None:
        return str(files["model.onnx"])
    return hashlib.sha256(f"{files['model.onnx']}{files[entry['file']]}".encode()).hexdigest()


def _verify(folder: Path, hashes: Mapping[str, str]) -> None:
    for name, expected in hashes.items():
        if Path(name).name != name:
            raise BundleInvalid(f"{folder.name} names a file outside itself")
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != expected:
            raise BundleInvalid(f"{name} of {folder.name} was changed")
