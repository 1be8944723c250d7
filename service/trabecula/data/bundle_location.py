"""Finds the folder of model bundles: of an editable install, a wheel, or a container."""

from __future__ import annotations

import sysconfig
from pathlib import Path

from trabecula.domain.errors import BundleUnknown

PACKAGED_NAME = "trabecula_bundles"


def _candidates(package: Path, installed: Path) -> tuple[Path, ...]:
    return (
        package.parent.parent / "models" / "bundles",
        package.parent / PACKAGED_NAME,
        installed / PACKAGED_NAME,
    )


def find_bundles_root() -> Path:
    """Return the folder that holds the bundles; raises BundleUnknown where there is none."""
    package = Path(__file__).resolve().parents[1]
    for folder in _candidates(package, Path(sysconfig.get_path("purelib"))):
        if folder.is_dir():
            return folder
    raise BundleUnknown("no folder of bundles lies beside the program")


def find_segmenter_bundle(root: Path | None = None) -> Path:
    """Return the newest segmenter bundle of ``root`` (by default of the installed bundles); raises BundleUnknown."""
    root = root or find_bundles_root()
    found = [path for path in root.glob("segmenter-*") if (path / "manifest.json").is_file()]
    if not found:
        raise BundleUnknown(f"no segmenter in {root}")
    return max(found, key=_version)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in folder.name.removeprefix("segmenter-").split("."))
