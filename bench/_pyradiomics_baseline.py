"""Compares the installed pyradiomics with the baseline its authors publish (``data/baseline`` of their repository).

By hand: ``python -m bench._pyradiomics_baseline FOLDER``, where FOLDER holds ``<case>_image.nrrd``,
``<case>_label.nrrd`` and ``baseline/baseline_<class>.csv``. Cases without images there are passed over.
"""

from __future__ import annotations

import ast
import csv
import logging
import sys
from pathlib import Path

from radiomics.featureextractor import RadiomicsFeatureExtractor

CLASSES = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm", "shape")


def compared(folder: Path, kind: str) -> list[tuple[str, str, float]]:
    """Return (test, feature, relative difference) of every value of one class."""
    with (folder / "baseline" / f"baseline_{kind}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    found: list[tuple[str, str, float]] = []
    for column, test in enumerate(rows[0][1:], start=1):
        cells = {row[0]: row[column] for row in rows[1:] if row[column]}
        case = cells["diagnostics_Configuration_TestCase"]
        image = folder / f"{case}_image.nrrd"
        if not image.is_file():
            continue
        settings = ast.literal_eval(cells["diagnostics_Configuration_Settings"])
        extractor = RadiomicsFeatureExtractor(**{**settings, "additionalInfo": False})
        extractor.disableAllFeatures()
        wanted = [name for name in cells if name.startswith(f"original_{kind}_")]
        extractor.enableFeaturesByName(**{kind: [name.rsplit("_", 1)[1] for name in wanted]})
        values = extractor.execute(str(image), str(folder / f"{case}_label.nrrd"))
        for name in wanted:
            expected = float(cells[name])
            found.append((test, name, abs(float(values[name]) - expected) / max(abs(expected), 1e-9)))
    return found


def main() -> int:
    """Print the largest difference of each class; return how many values differ by more than three percent.

    Three percent is the tolerance of pyradiomics' own tests.
    """
    logging.getLogger("radiomics").setLevel(logging.CRITICAL)
    wrong = 0
    for kind in CLASSES:
        found = compared(Path(sys.argv[1]), kind)
        if not found:
            continue
        test, name, largest = max(found, key=lambda item: item[2])
        wrong += sum(difference > 0.03 for _, _, difference in found)
        print(f"{kind:<11} {len(found):4d} values, largest relative difference {largest:.1e} ({test}, {name})")
    print(f"{wrong} values differ by more than 3 %")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
