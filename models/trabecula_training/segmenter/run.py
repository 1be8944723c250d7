"""Whole runs: train and export, calibrate a bundle, evaluate it on real scans, and the table of robustness."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.judging.calibration import QualityCalibration, fit_calibration
from trabecula_training.segmenter.judging.evaluate import BodyScore, Summary, score_bodies, summarise
from trabecula_training.segmenter.judging.naming import HEAD, score_naming, total
from trabecula_training.segmenter.judging.robustness import Axes, mixed_options, run_axes, run_case, run_cases
from trabecula_training.segmenter.real.data import read_cases
from trabecula_training.segmenter.real.folder import RealFolder
from trabecula_training.segmenter.real.plan import RealSplit, split, trained_on
from trabecula_training.segmenter.training.card import write_card

THRESHOLDS = {
    "rim_share_ct": 1.0,
    "rim_share_mr": 0.15,
    "fine_share": 0.8,
}
"""Border convention, the refiner's part in outlines, and limits of quality; fixed on phantoms."""


@dataclass(frozen=True)
class Watch:
    """What is told of a run: spines drawn, steps of the network, spines drawn in close-up, steps of the refiner."""

    drawn: Callable[[int], None]
    stepped: Callable[[Any], None]
    drawn_close: Callable[[int], None]
    refined: Callable[[Any], None]


def train_and_export(
    plan: Any,
    folder: Path,
    version: str,
    watch: Watch,
    folders: Sequence[RealFolder] = (),
    start: Path | None = None,
) -> Path:
    """Train a ``training.Plan`` in ``folder`` and write its bundle there; return the bundle's folder.

    The refiner, which does not depend on the other network, comes first: it takes a third of the time. ``folders`` are
    the real volumes of the plan; names on those held out stand in the bundle's manifest and, by volume, in ``folder``.
    ``start`` is the bundle that the plan starts from; its refiner is taken over as it is.
    """
    from trabecula_training.segmenter.real.samples import slab_of
    from trabecula_training.segmenter.training.export import REFINER_NAME, BundleFacts, export_bundle
    from trabecula_training.segmenter.training.spine import claim_folder, prepare_pool, train

    claim_folder(plan, folder)
    parts = split(folders, plan.real) if plan.real else None
    refiner = start / REFINER_NAME if start else _train_refiner(plan, folder / "refiner", watch)
    prepare_pool(plan, folder / "pool", watch.drawn)
    slabs = [slab_of(case) for case in parts.learn] if parts else []
    network = train(plan, folder, watch.stepped, slabs=slabs, bundle=start)
    bundle = folder / f"segmenter-{version}"
    before = plan.start.trained_on if plan.start else ""
    words = trained_on(plan.real, before)
    facts = BundleFacts(version=version, training=plan.facts, thresholds=THRESHOLDS, trained_on=words)
    export_bundle(network, refiner, bundle, facts)
    if parts and parts.held_out:
        judge_held_out(bundle, parts, folder / "held-out.md")
    write_card(bundle)
    return bundle


def _train_refiner(plan: Any, folder: Path, watch: Watch) -> Any:
    from trabecula_training.segmenter.training.refiner import prepare_closeups, train_refiner

    prepare_closeups(plan.refiner, plan.seed, plan.threads, folder / "pool", watch.drawn_close)
    return train_refiner(plan.refiner, plan.seed, folder, watch.refined)


def judge_held_out(bundle: Path, parts: RealSplit, table: Path) -> dict[str, Any]:
    """Name the volumes of the patients held out: sums into the manifest, volume by volume into ``table``."""
    segmenter = NetworkSegmenter(bundle)
    scores = [score_naming(case, segmenter.segment(case.volume)) for case in parts.held_out]
    facts = {
        "patients": parts.held_out_patients,
        "volumes": len(scores),
        **{part: sum(getattr(score, part) for score in scores) for part in ("right", "unknown", "wrong", "missed")},
        "every_lumbar_level_right": sum(score.every_lumbar for score in scores),
        "dice": round(float(np.mean([score.dice for score in scores])), 4),
    }
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["metrics"] = {**manifest["metrics"], "held_out": facts}
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    table.write_text("\n".join([*HEAD, *(score.row for score in scores), total(scores)]) + "\n", encoding="utf-8")
    return facts


def calibrate_bundle(bundle: Path, cases: int, figure: Path | None, processes: int) -> dict[str, Any]:
    """Fit on ``cases`` phantoms, check on half as many others, write the manifest; return what the check says."""
    work = [(20_000 + k, mixed_options(k)) for k in range(cases + cases // 2)]
    results = list(run_cases(bundle, work, processes, run_case))
    fit, check = results[:cases], results[cases:]
    features = np.concatenate([result.features for result in fit])
    calibration = fit_calibration(features, np.concatenate([result.dice for result in fit]))
    held = np.concatenate([result.features for result in check])
    true = np.concatenate([result.dice for result in check])
    predicted = _predict(calibration, held)
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    manifest["calibration"] = calibration.entry
    manifest["thresholds"] = THRESHOLDS
    facts = {
        "bodies": len(true),
        "correlation": round(float(np.corrcoef(predicted, true)[0, 1]), 3),
        "mean_error": round(float(np.abs(predicted - true).mean()), 4),
    }
    manifest["metrics"] = {**manifest["metrics"], "quality_check": facts}
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    write_card(bundle)
    if figure:
        from trabecula_training.segmenter.judging.figures import plot_calibration

        plot_calibration(predicted, true, figure)
    return facts


def _figures(summary: Summary) -> str:
    if not summary.bodies:
        return "0 | | | | | | "
    return (
        f"{summary.bodies} | {summary.midline:.3f} | {summary.dice:.3f} | {summary.found:.2f} | {summary.named:.2f} | "
        f"**{summary.wrong:.2f}** | {summary.abstained:.2f}"
    )


def _predict(calibration: QualityCalibration, features: Any) -> Any:
    from trabecula.segmentation.network.quality import BodyFeatures, calibrated

    return np.array([calibrated(BodyFeatures(*(float(v) for v in row)), calibration.entry) for row in features])


def evaluate_bundle(bundle: Path, data: Path) -> dict[str, Any]:
    """Figures on the real scans with masks, by group and by image."""
    segmenter = NetworkSegmenter(bundle)
    groups: dict[str, dict[str, tuple[BodyScore, ...]]] = {}
    for case in read_cases(data):
        result = segmenter.segment(case.volume)
        scores = score_bodies(case.truth, result, case.volume.geometry, case.whole_vertebrae)
        groups.setdefault(case.group, {})[case.name] = scores
    return {
        "bundle": bundle.name,
        "groups": {name: summarise(cases).as_dict() for name, cases in groups.items()},
        "bodies": {
            name: [[score.label, score.given, round(score.dice, 3)] for score in scores]
            for cases in groups.values()
            for name, scores in cases.items()
        },
    }


def phantom_table(bundle: Path, axes: Axes, phantoms: range, processes: int, say: Callable[[str], None]) -> str:
    """Figures on the phantoms of these numbers as Markdown: one row for each place of each axis."""
    lines = [
        "| axis | case | bodies | Dice near the midline | Dice | found | named | **wrong names** | abstained | "
        "false bodies per image |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for axis, place, summary, false in run_axes(bundle, axes, phantoms, processes):
        lines.append(f"| {axis} | {place} | {_figures(summary)} | {false:.2f} |")
        say(lines[-1])
    return "\n".join(lines) + "\n"
