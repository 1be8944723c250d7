"""Writes the card of a segmenter bundle from its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from trabecula_training.segmenter.real.plan import PHANTOMS_ONLY

_TEXT = """# Segmenter {version}

**Research use only; not a medical device.** Names and outlines vertebral bodies on lumbar MR and CT.

- **Trained on** {trained_on}
- **Two networks** The first finds and names bodies: three neighbouring sagittal slices, 1 mm pixels, head up, front to
  the left; CT -200..800 HU, MR percentiles 0.5-99.5. Any acquisition plane and orientation is brought to that. The
  second, the refiner, draws the border of each body in close-ups of 0.8 mm pixels, relative to its own marrow.
- **Border convention** CT: the outline runs outside the cortex. MR: it runs along the inner edge of the dark rim (the
  visible marrow); expert masks of MR do so too. The tissue map holds the rim as a class of its own in both.
- **Levels** are counted up from the sacrum; without it they stay unknown. Counting cannot see that
  a spine has four or six lumbar vertebrae; where ribs in view contradict the count, every name is taken back.
- **Quality** is the expected Dice, calibrated on phantoms: {quality}.
- **Not for** children, cervical spines, names where no sacrum is in view, single far-lateral slices.
- **Weights** {weights}.
- **Training** {training}
- **Licence** {licence}
"""

_PHANTOMS = """procedurally drawn lumbar spines with random contrast only; no real image is in the weights.
  Anybody can train it again: `trabecula-train segmenter --out DIR`."""
_DRAWN = "procedurally drawn lumbar spines with random contrast."
_REAL = """procedurally drawn lumbar spines with random contrast and, as {share:.0%} of the samples, {volumes}
  real volumes of {patients} patients with outlined bodies. Borders were learned on drawn spines alone. Whose volumes:
{sources}
  Patients held out (fold {fold} of {folds}): {held_out}."""
_STARTED = """
  Started from `{bundle}` (network sha256 `{sha256}`), which was trained on {trained_on}."""
_SOURCE = "  - {attribution} (`{name}`, {volumes} volumes of {patients} patients; licence: {licence})"


def write_card(bundle: Path) -> None:
    """Write CARD.md from manifest.json and renew its hash there."""
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    weights = [name for name in manifest["files"] if name.endswith(".onnx")]
    text = _TEXT.format(
        version=manifest["version"],
        quality=json.dumps(manifest["metrics"].get("quality_check", "not yet")),
        weights="; ".join(
            f"`{name}` {(bundle / name).stat().st_size / 1e6:.1f} MB, sha256 `{manifest['files'][name]}`"
            for name in weights
        ),
        training=json.dumps(manifest["training"]),
        trained_on=_trained_on(manifest),
        licence=_licence(manifest),
    )
    (bundle / "CARD.md").write_text(text, encoding="utf-8")
    manifest["files"]["CARD.md"] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def _trained_on(manifest: dict[str, Any]) -> str:
    return _learned(manifest) + _before(manifest["training"].get("start"))


def _before(start: dict[str, str] | None) -> str:
    """What the bundle at the start was trained on; one that does not say is of the time before real volumes."""
    if not start:
        return ""
    return _STARTED.format(**{**start, "trained_on": start["trained_on"] or PHANTOMS_ONLY})


def _learned(manifest: dict[str, Any]) -> str:
    real, start = manifest["training"].get("real"), manifest["training"].get("start")
    if not real:
        return _DRAWN if start and start["trained_on"] not in ("", PHANTOMS_ONLY) else _PHANTOMS
    held_out = manifest["metrics"].get("held_out")
    return _REAL.format(
        share=real["share"],
        volumes=real["volumes"],
        patients=real["patients"],
        sources="\n".join(_SOURCE.format(**source) for source in real["sources"]),
        fold=real["fold"],
        folds=real["folds"],
        held_out=json.dumps(held_out) if held_out else "none, so nothing is known of other people's spines",
    )


def _licence(manifest: dict[str, Any]) -> str:
    """Ours, and where real volumes took part what theirs ask for."""
    real = manifest["training"].get("real")
    if not real:
        return "Apache-2.0."
    theirs = sorted({source["licence"] for source in real["sources"]})
    return f"Apache-2.0 for the program; the weights also follow from volumes under {', '.join(theirs)}, named above."
