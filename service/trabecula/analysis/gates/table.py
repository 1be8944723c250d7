"""The tables of gates, in the order in which they are asked."""

from __future__ import annotations

from trabecula.analysis.gates import common, ct, ct_intensity, ct_shift, mr, outlines, pixel_size
from trabecula.analysis.gates.context import Gate, GateContext
from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import SeriesRole

COMMON_GATES: tuple[Gate, ...] = (
    outlines.outlines,
    common.coverage,
    common.order,
    pixel_size.pixel_size,
    outlines.body_size,
    common.curvature,
    common.request_words,
)
CT_GATES: tuple[Gate, ...] = (
    ct_intensity.noise,
    ct.unnamed_contrast,
    ct.kernel,
    ct.thickness,
    ct.metal,
    ct.cement,
    ct.focal_lesion,
)
MR_GATES: tuple[Gate, ...] = (mr.metal,)
"""The tissue ranks are asked after the signals were measured."""


def ask(context: GateContext) -> tuple[Reason, ...]:
    """Return what every gate of the series' modality says, once each.

    Where Hounsfield units are not plausible the gates that read them are not asked.
    """
    gates = COMMON_GATES + (CT_GATES if context.role is SeriesRole.CT else MR_GATES)
    implausible: tuple[Reason, ...] = ()
    if context.role is SeriesRole.CT:
        implausible = tuple(ct_intensity.hu_sanity(context)) or tuple(ct_shift.common_shift(context))
    if any(reason.blocking for reason in implausible):
        gates = COMMON_GATES
    found = [*implausible, *(reason for gate in gates for reason in gate(context))]
    return tuple(dict.fromkeys(found))
