"""Writes the card of a segmenter bundle from its manifest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

_TEXT = """# Segmenter {version}

**Research use only; not a medical device.** Names and outlines vertebral bodies on lumbar MR and CT.

- **Trained on** procedurally drawn lumbar spines with random contrast only; no real image is in the weights.
  Anybody can train it again: `trabecula-train segmenter --out DIR`.
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
- **Licence** Apache-2.0.
"""


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
    )
    (bundle / "CARD.md").write_text(text, encoding="utf-8")
    manifest["files"]["CARD.md"] = hashlib.sha256(text.encode("utf-8")).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
