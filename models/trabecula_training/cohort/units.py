"""Units in a cohort: QCT densities so small that they cannot be mg/cm3, told in one line for each site."""

from __future__ import annotations

from dataclasses import dataclass, field

from trabecula_training.cohort.labels import reference_limits
from trabecula_training.problems import Problem

DENSITY = "qct_bmd_mg_cm3"


def is_too_small(density: float | None) -> bool:
    """Return whether a density (mg/cm3) is too close to zero to be one."""
    return density is not None and abs(density) < float(reference_limits()["qct_smallest_mg_cm3"]["value"])


@dataclass
class SmallDensities:
    """Counts the densities of each site, and keeps those that are too small."""

    _seen: dict[str, int] = field(default_factory=dict)
    _small: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def see(self, site: str, line: int, density: float | None) -> None:
        """Take the density of one line, if it has one."""
        if density is None:
            return
        self._seen[site] = self._seen.get(site, 0) + 1
        if is_too_small(density):
            self._small.setdefault(site, []).append((line, density))

    def problems(self) -> list[Problem]:
        """Return one problem for each site that has such densities, at the first of its lines."""
        found = []
        gram = float(reference_limits()["qct_g_cm3_below"]["value"])
        for site, small in self._small.items():
            lines, values = zip(*small, strict=True)
            where = f"site {site}: " if site else ""
            span = f"{min(values):g}" if len(values) == 1 else f"{min(values):g} to {max(values):g}"
            told = f"{where}{len(small)} of {self._seen[site]} densities are too small for mg/cm3 ({span})"
            if max(map(abs, values)) < gram:
                found.append(
                    Problem(line=lines[0], column=DENSITY, found=f"{told}: g/cm3", remedy="Multiply g/cm3 by 1000.")
                )
            else:
                found.append(
                    Problem(
                        line=lines[0], column=DENSITY, found=told, remedy="Look the densities up; give them in mg/cm3."
                    )
                )
        return found
