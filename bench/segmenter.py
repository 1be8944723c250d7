"""Segmenter speed and memory on one core: a 15-slice MR and a 600-slice CT phantom, against the stated limits.

Limits: 3 s and 20 s on one quiet core, at most 1 GiB above the loaded volume. Each volume runs in a process of its
own, so that the peak belongs to it alone; on a busy machine the processor seconds mean more than the wall's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import ndimage

LIMITS = {"mr": 3.0, "ct": 20.0}
MEMORY_LIMIT_MIB = 1024.0


def measure(kind: str) -> dict[str, float | str]:
    """Segment one phantom in this process and return seconds and the peak above the loaded volume."""
    from trabecula.data.bundle_location import find_segmenter_bundle
    from trabecula.domain.volume import Geometry, Volume
    from trabecula.segmentation.network_segmenter import NetworkSegmenter
    from trabecula_training.segmenter.drawing.contrast import Look
    from trabecula_training.segmenter.judging.phantom_cases import CaseOptions, draw_case

    if kind == "mr":
        volume = draw_case(5, CaseOptions(pixel_mm=0.6, field_mm=(300.0, 300.0, 68.0))).volume
    else:
        coarse = draw_case(
            5, CaseOptions(look=Look.CT, plane="axial", pixel_mm=2.8, spacing_mm=3.0, field_mm=(450.0, 358.4, 358.4))
        ).volume
        array = ndimage.zoom(coarse.array, (4, 4, 4), order=1, output=np.float32, grid_mode=True, mode="nearest")
        affine = coarse.geometry.affine.copy()
        affine[:3, :3] /= 4
        volume = Volume(array=array, geometry=Geometry(array.shape, affine), modality=coarse.modality)
    segmenter = NetworkSegmenter(find_segmenter_bundle())
    before = _peak_mib()
    wall, processor = time.perf_counter(), time.process_time()
    result = segmenter.segment(volume)
    return {
        "volume": f"{kind.upper()} {'x'.join(map(str, volume.geometry.shape))}",
        "bodies": len(result.bodies),
        "wall_s": round(time.perf_counter() - wall, 2),
        "processor_s": round(time.process_time() - processor, 2),
        "limit_s": LIMITS[kind],
        "memory_mib": round(_peak_mib() - before, 1),
        "memory_limit_mib": MEMORY_LIMIT_MIB,
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Measure both volumes, write JSON, print a table; fail when a limit is passed (processor seconds)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=sorted(LIMITS))
    options = parser.parse_args()
    if options.only:
        print(json.dumps(measure(options.only)))
        return 0
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    figures = []
    for kind in ("mr", "ct"):
        command = [sys.executable, "-m", "bench.segmenter", "--only", kind]
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        figures.append(json.loads(answer.stdout.splitlines()[-1]))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for line in figures:
        print("  ".join(f"{key} {value}" for key, value in line.items()))
    return int(any(f["processor_s"] > f["limit_s"] or f["memory_mib"] > f["memory_limit_mib"] for f in figures))


if __name__ == "__main__":
    sys.exit(main())
