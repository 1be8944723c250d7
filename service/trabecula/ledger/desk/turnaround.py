"""Turnaround as a histogram: bucket n ends at 1.15^n seconds; the same rule stands in version 0018 of the schema."""

from __future__ import annotations

import math
from collections.abc import Mapping

WIDTH = 1.15
BUCKETS = 96
"""The last one holds everything from 1.15^95 seconds, six and a half days, on."""


def bucket_of(seconds: float) -> int:
    """Return the bucket of a turnaround, from 1."""
    return min(BUCKETS, 1 + math.floor(math.log(max(1.0, seconds)) / math.log(WIDTH)))


def turnaround_at(histogram: Mapping[int, int], share: float) -> float | None:
    """Return the seconds within which this share of the studies was done, None where there are none.

    Inside a bucket the studies are taken as evenly spread over the logarithm, so it is off by less than 15 %.
    """
    wanted = share * sum(histogram.values())
    before = 0
    for bucket in sorted(bucket for bucket, count in histogram.items() if count > 0):
        count = histogram[bucket]
        if before + count >= wanted:
            inside = min(1.0, max(0.0, (wanted - before) / count))
            return math.pow(WIDTH, bucket - 1 + inside)
        before += count
    return None
