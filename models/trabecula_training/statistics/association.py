"""How strongly two classifications of the same people go together: Cramer's V."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def cramers_v(first: Sequence[object], second: Sequence[object]) -> float:
    """Return Cramer's V corrected for its bias in small tables (Bergsma 2013, J Korean Stat Soc 42:323): 0 for no
    association, 1 where one classification tells the other; NaN where either has one class only."""
    rows = {name: place for place, name in enumerate(sorted(set(map(str, first))))}
    columns = {name: place for place, name in enumerate(sorted(set(map(str, second))))}
    if len(rows) < 2 or len(columns) < 2:
        return float("nan")
    table = np.zeros((len(rows), len(columns)))
    for one, other in zip(map(str, first), map(str, second), strict=True):
        table[rows[one], columns[other]] += 1
    n = table.sum()
    statistic = float(stats.chi2_contingency(table, correction=False)[0])
    r, k = table.shape
    phi = max(0.0, statistic / n - (r - 1) * (k - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return float(min(1.0, np.sqrt(phi / least))) if least > 0 else float("nan")
