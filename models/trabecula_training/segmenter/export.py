"""Writes a trained network as a bundle: ONNX with a parity gate, manifest with hashes, and card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch

from trabecula_training.segmenter.classes import TISSUE_OF_CLASS, NetworkClass
from trabecula_training.segmenter.network import MULTIPLE, Deployed, SpineNet

_TOLERANCE = 2e-3


class ExportMismatch(Exception):
    """The exported network does not give what the trained one gives."""


@dataclass(frozen=True)
class BundleFacts:
    """What a manifest says beyond the weights; ``calibration`` and ``thresholds`` come from phantoms only."""

    version: str
    training: Mapping[str, Any]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""


def export_onnx(network: SpineNet, path: Path) -> float:
    """Write the ONNX file and return the largest difference from the network; raises ExportMismatch over 0.002."""
    deployed = Deployed(network.cpu().float().eval()).eval()
    example = torch.rand(2, 3, 4 * MULTIPLE, 5 * MULTIPLE)
    torch.onnx.export(
        deployed,
        (example,),
        str(path),
        input_names=["image"],
        output_names=["maps"],
        opset_version=17,
        dynamic_axes={"image": {0: "batch", 2: "row", 3: "column"}, "maps": {0: "batch", 2: "row", 3: "column"}},
        dynamo=False,
    )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    probe = torch.rand(1, 3, 6 * MULTIPLE, 3 * MULTIPLE)
    with torch.no_grad():
        expected = deployed(probe).numpy()
    difference = float(np.abs(session.run(None, {"image": probe.numpy()})[0] - expected).max())
    if difference > _TOLERANCE:
        raise ExportMismatch(f"largest difference {difference:.2g}")
    return difference


def write_manifest(folder: Path, facts: BundleFacts, parity: float | None = None) -> None:
    """Write manifest.json and CARD.md beside model.onnx, with the hash of every file."""
    if facts.card:
        (folder / "CARD.md").write_text(facts.card, encoding="utf-8")
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.iterdir())
        if path.name != "manifest.json"
    }
    manifest = {
        "id": f"segmenter-{facts.version}",
        "kind": "segmenter",
        "version": facts.version,
        "files": files,
        "classes": [kind.name.lower() for kind in NetworkClass],
        "tissues": [tissue.value for tissue in TISSUE_OF_CLASS],
        "input": {
            "channels": "three neighbouring sagittal slices; the middle one is segmented",
            "pixel_mm": 1.0,
            "rows": "head to foot",
            "columns": "front to back",
            "multiple": MULTIPLE,
            "ct_window_hu": [-200.0, 800.0],
            "mr_percentiles": [0.5, 99.5],
        },
        "output": "probabilities of the classes, then cosine and sine of the phase along the spine",
        "parity": parity,
        "training": dict(facts.training),
        "calibration": dict(facts.calibration),
        "thresholds": dict(facts.thresholds),
        "metrics": dict(facts.metrics),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def export_bundle(network: SpineNet, folder: Path, facts: BundleFacts) -> None:
    """Write a whole bundle into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    parity = export_onnx(network, folder / "model.onnx")
    write_manifest(folder, facts, parity)
