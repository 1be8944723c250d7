"""Writes a trained network as a bundle: ONNX with a parity gate, manifest with hashes, and card."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trabecula.onnx_runtime import open_session
from trabecula.segmentation.network.closeups import NEIGHBOURS, PIXEL_MM
from trabecula_training.segmenter.drawing.classes import TISSUE_OF_CLASS, NetworkClass
from trabecula_training.segmenter.drawing.closeup_classes import CloseUpClass
from trabecula_training.segmenter.training.network import MULTIPLE, Deployed, DeployedRefiner, RefinerNet, SpineNet

NETWORK_NAME, REFINER_NAME = "model.onnx", "refiner.onnx"
_TOLERANCE = 2e-3


class ExportMismatch(Exception):
    """The exported network does not give what the trained one gives."""


@dataclass(frozen=True, kw_only=True)
class BundleFacts:
    """What a manifest says beyond the weights; ``calibration`` and ``thresholds`` come from phantoms only.
    ``trained_on`` goes, in these words, into every report."""

    version: str
    training: Mapping[str, Any]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""
    trained_on: str = ""


def export_onnx(network: SpineNet | RefinerNet, path: Path) -> float:
    """Write the ONNX file and return the largest difference from the network; raises ExportMismatch over 0.002."""
    ready = network.cpu().float().eval()
    deployed = (DeployedRefiner(ready) if isinstance(ready, RefinerNet) else Deployed(ready)).eval()
    slices, multiple = network.slices, network.multiple
    example = torch.rand(2, slices, 4 * multiple, 5 * multiple)
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
    session = open_session(path)
    probe = torch.rand(1, slices, 6 * multiple, 3 * multiple)
    with torch.no_grad():
        expected = deployed(probe).numpy()
    difference = float(np.abs(session.run(None, {"image": probe.numpy()})[0] - expected).max())
    if difference > _TOLERANCE:
        raise ExportMismatch(f"largest difference {difference:.2g}")
    return difference


def write_manifest(folder: Path, facts: BundleFacts, parity: float | None = None) -> None:
    """Write manifest.json and CARD.md beside the networks, with the hash of every file."""
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
        "refiner": {
            "file": REFINER_NAME,
            "classes": [kind.name.lower() for kind in CloseUpClass],
            "pixel_mm": PIXEL_MM,
            "channels": f"{len(NEIGHBOURS)} neighbouring sagittal slices around one body, and its outline so far",
        },
        "parity": parity,
        "trained_on": facts.trained_on,
        "training": dict(facts.training),
        "calibration": dict(facts.calibration),
        "thresholds": dict(facts.thresholds),
        "metrics": dict(facts.metrics),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def export_bundle(network: SpineNet, refiner: RefinerNet | Path, folder: Path, facts: BundleFacts) -> None:
    """Write a whole bundle into ``folder``; a refiner that is exported already is taken over as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    parity, finer = export_onnx(network, folder / NETWORK_NAME), 0.0
    if isinstance(refiner, Path):
        shutil.copyfile(refiner, folder / REFINER_NAME)
    else:
        finer = export_onnx(refiner, folder / REFINER_NAME)
    write_manifest(folder, facts, max(parity, finer))
