"""Finds the folder of model bundles: of an editable install, a wheel, or a container."""

from __future__ import annotations

import sysconfig
from collections.abc import Sequence
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


def bundle_roots(site: Path | None) -> tuple[Path, ...]:
    """Return where bundles lie: a site's own folder, if it has one, then what ships with the program.

    Raises BundleUnknown where the site's folder is gone: its segmenter must not give way to another in silence.
    """
    shipped = find_bundles_root()
    if site is not None and not site.is_dir():
        raise BundleUnknown(f"bundles_dir names {site}, which is no folder")
    return (shipped,) if site is None or site.resolve() == shipped.resolve() else (site, shipped)


def find_segmenter_among(roots: Sequence[Path]) -> Path:
    """Return the newest segmenter of the first root that has any: a site's own before the shipped one. Raises
    BundleUnknown."""
    for root in roots[:-1]:
        if any(root.glob("segmenter-*/manifest.json")):
            return find_segmenter_bundle(root)
    return find_segmenter_bundle(roots[-1])


def find_segmenter_bundle(root: Path | None = None) -> Path:
    """Return the newest segmenter bundle of ``root`` (by default of the installed bundles); raises BundleUnknown."""
    root = root or find_bundles_root()
    found = [path for path in root.glob("segmenter-*") if (path / "manifest.json").is_file()]
    if not found:
        raise BundleUnknown(f"no segmenter in {root}")
    return max(found, key=_version)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in folder.name.removeprefix("segmenter-").split("."))
