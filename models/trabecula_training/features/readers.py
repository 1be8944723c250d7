"""How far two readers agree: ICC(2,1) of every feature over the bodies that both outlined, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trabecula_training.features.perturbation import Perturbed
from trabecula_training.features.table import ReaderAgreement
from trabecula_training.statistics.icc import icc, icc_interval


def agreement(bodies: Sequence[Perturbed], measures: int) -> ReaderAgreement:
    """Return the agreement over bodies [reader, feature], 0 where it is not finite; the ``measures`` last columns of a
    table are no features and count as agreed."""
    cube = np.stack(bodies)
    found = np.stack([icc(cube), *icc_interval(cube)])
    return ReaderAgreement(len(bodies), np.concatenate([np.nan_to_num(found, nan=0.0), np.ones((3, measures))], axis=1))
