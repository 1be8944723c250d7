"""Loading a chosen series: its volume, or what is left of it without the slices that are unfit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trabecula.domain.errors import PixelDataUndecodable
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import Volume
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import STACKS
from trabecula.imaging.pixels import Cache, stored_values
from trabecula.imaging.stacks.geometry_gate import RegularStack, regular_stacks
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.split import Stack
from trabecula.imaging.volumes.alternation import alternates, jumps_throughout
from trabecula.imaging.volumes.dicom import load_volume
from trabecula.imaging.volumes.steps import shifts


@dataclass(frozen=True)
class Remainder:
    """The volumes that remain without some slices, best first (none: ``reason`` blocks), and those slices."""

    stacks: tuple[RegularStack, ...]
    left_out: LeftOut


def load(stack: RegularStack) -> Volume | Remainder:
    """Return the volume of a regular stack, or what remains of it: one odd slice does not cost the series.

    Slices that cannot be decoded are left out, and on CT those whose values all lie apart from their neighbours'
    (rescale values that are wrong). Where more than a tenth is unfit nothing remains.
    """
    try:
        volume = load_volume(stack)
    except PixelDataUndecodable as error:
        broken = _broken(stack.frames)
        if not broken:
            return Remainder((), _all(stack, ReasonCode.UNREADABLE_PIXELS, error.detail))
        number = f"{len(broken)} of {len(stack.frames)} images"
        detail = f"{number}; the first: {broken[0][1]}"
        odd = [frame for frame, _ in broken]
        return _without(stack, odd, ReasonCode.UNREADABLE_PIXELS, detail, STACKS.unreadable_fraction)
    if volume.modality is not Modality.CT:
        return volume
    beside = shifts(volume)
    if not beside.any():
        return _of_one_scan(stack, volume)
    odd = [frame for frame, shift in zip(stack.frames, beside, strict=True) if shift]
    low, high = sorted((float(beside[beside != 0].min()), float(beside[beside != 0].max())))
    span = f"{low:+.0f}" if high - low < 1 else f"{low:+.0f} to {high:+.0f}"
    detail = f"{len(odd)} of {len(stack.frames)} images, whose values lie {span} HU beside their neighbours'"
    return _without(stack, odd, ReasonCode.RESCALE, detail, STACKS.rescale_missing_fraction)


def _of_one_scan(stack: RegularStack, volume: Volume) -> Volume | Remainder:
    """The volume, or nothing where slices take turns between scans: which one is meant cannot be known."""
    if jumps_throughout(volume.array):
        return Remainder((), _all(stack, ReasonCode.RESCALE, "the values of whole slices jump again and again"))
    if alternates(volume.array):
        return Remainder(
            (),
            _all(
                stack,
                ReasonCode.SEVERAL_SCANS,
                "slices take turns: every second, third or fourth is brighter or darker",
            ),
        )
    return volume


def _without(stack: RegularStack, odd: Sequence[Frame], code: ReasonCode, detail: str, limit: float) -> Remainder:
    reason = Reason(code=code, blocking=False, series_uid=stack.frames[0].acquisition.series_uid, detail=detail)
    apart = set(map(id, odd))
    rest = tuple(frame for frame in stack.frames if id(frame) not in apart)
    left_out = LeftOut(tuple(odd), reason)
    if len(odd) > limit * len(stack.frames) or len(rest) < 2:
        return Remainder((), left_out)
    found = regular_stacks(Stack(rest))
    if isinstance(found, Reason):
        return Remainder((), replace(left_out, reason=replace(reason, detail=f"{detail}; {found.sentence}")))
    told = (*stack.reasons, reason)
    return Remainder(
        tuple(
            replace(item, reasons=(*told, *item.reasons), left_out=(*stack.left_out, left_out, *item.left_out))
            for item in found
        ),
        left_out,
    )


def _all(stack: RegularStack, code: ReasonCode, detail: str) -> LeftOut:
    reason = Reason(code=code, blocking=False, series_uid=stack.frames[0].acquisition.series_uid, detail=detail)
    return LeftOut(stack.frames, reason)


def _broken(frames: Sequence[Frame]) -> list[tuple[Frame, str]]:
    """The frames whose pixels cannot be decoded, and why."""
    cache: Cache = {}
    broken = []
    for frame in frames:
        try:
            stored_values(frame, cache)
        except PixelDataUndecodable as error:
            broken.append((frame, error.detail))
    return broken
