"""How often a model's score and the category of the measurement said the same, over the newest studies of a site."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import psycopg

MOST_SCORES = 2_000
"""Scores that are read: the newest."""

_COUNTS = """
    SELECT coalesce(s.category, '') AS category, c.applicable, c.positive, count(*)
    FROM (SELECT study_uid, revision, applicable, positive FROM scores WHERE model_id = %(model)s
          ORDER BY id DESC LIMIT %(most)s) c
    JOIN studies s ON s.study_uid = c.study_uid AND s.revision = c.revision
    WHERE %(sites)s::text[] IS NULL OR s.calling_ae_title = ANY(%(sites)s)
    GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, kw_only=True)
class ModelAgreement:
    """Counts over newest revisions: scores above and below the operating point by the category of the result."""

    scored: int
    abstained: int
    above: dict[str, int]
    below: dict[str, int]


def model_agreement(
    connection: psycopg.Connection[Any], model_id: str, sites: Collection[str] | None
) -> ModelAgreement:
    """Return the counts of the newest scores of a model."""
    values = {"model": model_id, "most": MOST_SCORES, "sites": None if sites is None else sorted(sites)}
    above: dict[str, int] = {}
    below: dict[str, int] = {}
    abstained = 0
    for category, applicable, positive, count in connection.execute(_COUNTS, values):
        if not applicable or positive is None:
            abstained += count
            continue
        side = above if positive else below
        side[category] = side.get(category, 0) + count
    scored = sum(above.values()) + sum(below.values())
    return ModelAgreement(scored=scored, abstained=abstained, above=above, below=below)
