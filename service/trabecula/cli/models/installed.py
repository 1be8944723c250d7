"""Where bundles lie, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trabecula.cli.output import (
    console,
)
from trabecula.data.bundle_location import bundle_roots
from trabecula.scoring.trust import Trust, site_trust
from trabecula.settings import Settings


def roots_of(settings: Settings) -> tuple[Path, ...]:
    """Return the folders that bundles lie in: the shipped ones and the site's own."""
    return bundle_roots(settings.bundles_dir)


def trust_of(settings: Settings) -> Trust:
    """Return whose bundles this site believes."""
    return site_trust(settings.bundle_keys)


def tell_none(roots: Sequence[Path]) -> None:
    """Say that there is no bundle, and what to do; that is no failure: the service measures without one."""
    console.print(
        f"No model bundle is installed in {', '.join(map(str, roots))}; studies are measured and reported without a "
        "score.\n  Export one with `trabecula-train export` (docs/recipes.md), or point bundles_dir to yours; "
        "then `trabecula models activate MODEL`.",
        markup=False,
        highlight=False,
    )
