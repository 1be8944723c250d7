"""The environment foreign programs run in: their usage statistics switched off, nothing of ours handed on."""

from __future__ import annotations

import json
import os
from pathlib import Path

from trabecula.segmentation.foreign.label_maps import LabelMap

_OURS = "TRABECULA_"


def private_environment(program: LabelMap, home: Path) -> dict[str, str]:
    """Return the environment for a program: ours without our own settings, with no tracking.

    TotalSegmentator reads ``send_usage_stats`` from ``config.json`` in TOTALSEG_HOME_DIR (its config.py): it gets a
    home of its own with that switched off, its weights where they are, and its licence number if there is one.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_OURS)}
    environment |= {"DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    environment |= dict(program.environment or {})
    if program.statistics == "totalsegmentator":
        environment |= _totalsegmentator(home, environment)
    return environment


def _totalsegmentator(home: Path, environment: dict[str, str]) -> dict[str, str]:
    usual = Path(environment.get("TOTALSEG_HOME_DIR") or Path.home() / ".totalsegmentator")
    config: dict[str, object] = {"totalseg_id": "totalseg_private", "prediction_counter": 0}
    try:
        stored = json.loads((usual / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = {}
    if isinstance(stored, dict) and "license_number" in stored:
        config["license_number"] = stored["license_number"]
    config["send_usage_stats"] = False
    home.mkdir(parents=True, exist_ok=True)
    (home / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = environment.get("TOTALSEG_WEIGHTS_PATH") or str(usual / "nnunet" / "results")
    return {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": weights}
