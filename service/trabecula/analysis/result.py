"""The result put together: levels, reasons in their order, summary, sources and versions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from trabecula.analysis.findings import Findings
from trabecula.analysis.outlines import outline_of
from trabecula.data import digest
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import LevelResult, Measurement, SeriesRole
from trabecula.domain.results.thresholds import Thresholds
from trabecula.domain.segmentation import SegmenterIdentity
from trabecula.domain.spine import LUMBAR_LEVELS, MEASURED_LEVELS, Level
from trabecula.regions import CSF_VERSION, HEIGHTS_VERSION, MEDULLARY_VERSION, TRABECULAR_VERSION
from trabecula.version import __version__

REPORTED_LEVELS: tuple[Level, ...] = (Level.T12, *LUMBAR_LEVELS, Level.L6)
_DATA_FILES = ("gates.toml", "kernels.toml", "regions.toml", "tokens.toml")


def level_results(findings: Mapping[SeriesRole, Findings], primary: Findings | None) -> tuple[LevelResult, ...]:
    """Return the levels that were found and those of L1-L4 that were not, from head to foot.

    Whether a level is evaluable is said by the primary series; outlines lie on it; measurements of every series count.
    Where the values of the primary series are withheld as a whole no level is, and each that was found says why.
    """
    if primary is None:
        return ()
    bodies = {body.level: body for body in primary.context.bodies}
    others = _primary_first(findings, primary)[1:]
    results = []
    for level in REPORTED_LEVELS:
        if level not in bodies and level not in MEASURED_LEVELS:
            continue
        body = bodies.get(level)
        outline = outline_of(body, primary.context.candidate.stack.frames) if body else None
        withheld = primary.withheld if body else ()
        flags = [*withheld, *primary.level_reasons(level)]
        flags += [reason for found in others for reason in _beside(found, primary, level)]
        results.append(
            LevelResult(
                level=level,
                evaluable=not withheld and primary.evaluable(level),
                quality=round(body.segmented.quality, 4) if body else 0.0,
                flags=tuple(dict.fromkeys(flags)),
                measurements=tuple(
                    finite(value for found in _primary_first(findings, primary) for value in found.measurements(level))
                ),
                outlines=(outline,) if outline else (),
            )
        )
    return tuple(results)


def _beside(found: Findings, primary: Findings, level: Level | None) -> Iterator[Reason]:
    """Give the reasons of a series that did not decide; each says which series it speaks of, unless the deciding one
    says the same."""
    said = {_words(reason) for reason in primary.reasons}
    role = f"{found.context.role.value} series"
    for reason in found.reasons:
        if reason.level is level and _words(reason) not in said:
            yield replace(reason, detail=f"{role}; {reason.detail}" if reason.detail else role)


def study_reasons(findings: Mapping[SeriesRole, Findings], primary: Findings | None) -> Iterator[Reason]:
    """Give the reasons of the study from every measured series, the deciding one first."""
    if primary is None:
        return
    yield from primary.study_reasons
    for found in _primary_first(findings, primary)[1:]:
        yield from _beside(found, primary, None)


def _words(reason: Reason) -> tuple[object, ...]:
    return (reason.code, reason.blocking, reason.level, reason.detail, reason.value)


def finite(measurements: Iterable[Measurement]) -> Iterator[Measurement]:
    """Give the measurements that are numbers: a result holds no other."""
    return (item for item in measurements if math.isfinite(item.value))


def _primary_first(findings: Mapping[SeriesRole, Findings], primary: Findings) -> list[Findings]:
    return [primary, *(found for found in findings.values() if found is not primary)]


def ordered_reasons(
    decided: Iterable[Reason], levels: Sequence[LevelResult], refused: Sequence[Reason], *, evaluable: bool
) -> tuple[Reason, ...]:
    """Return the reasons of a study: blocking ones, warnings, what keeps levels out, series that were not used.

    In an evaluable study nothing blocks the study any more: a reason that kept one of several series or levels out is
    shown as not blocking.
    """
    study = _once(decided)
    kept_out = [reason for level in levels for reason in level.flags if reason.blocking]
    kept_out = _once(reason for reason in kept_out if reason.level in MEASURED_LEVELS)
    if evaluable:
        study = [replace(reason, blocking=False) for reason in study]
        kept_out = [replace(reason, blocking=False) for reason in kept_out]
    blocking = [reason for reason in study if reason.blocking]
    warning = [reason for reason in study if not reason.blocking and replace(reason, blocking=True) not in blocking]
    named = {(reason.code, reason.series_uid) for reason in blocking}
    unused = [reason for reason in refused if (reason.code, reason.series_uid) not in named]
    return tuple(dict.fromkeys([*blocking, *kept_out, *warning, *unused]))


def _once(reasons: Iterable[Reason]) -> list[Reason]:
    """The reasons without those that another series of the study gave in the same words."""
    seen: dict[tuple[object, ...], Reason] = {}
    for reason in reasons:
        seen.setdefault(_words(reason), reason)
    return list(seen.values())


def levels_assumed(numbering: str, said: Iterable[Reason]) -> tuple[Reason, ...]:
    """Return LEVELS_ASSUMED where the levels were counted from the sacrum and the segmenter did not say so itself."""
    spoken = {reason.code for reason in said} & {ReasonCode.LEVELS_ASSUMED, ReasonCode.NUMBERING_AMBIGUOUS}
    if "sacrum" in numbering.casefold() and not spoken:
        return (Reason(code=ReasonCode.LEVELS_ASSUMED, blocking=False),)
    return ()


def versions(segmenter: SegmenterIdentity, thresholds: Thresholds, models: str = "") -> dict[str, str]:
    """Return what made the result, for the report and for stable identifiers; ``models`` is the digest of those in
    use."""
    named = {
        "software": __version__,
        "segmenter": f"{segmenter.name} {segmenter.version}".strip(),
        "segmenter_trained_on": segmenter.trained_on,
        "segmenter_weights_sha256": segmenter.weights_sha256,
        "regions": ", ".join((TRABECULAR_VERSION, MEDULLARY_VERSION, CSF_VERSION, HEIGHTS_VERSION)),
        "thresholds_sha256": thresholds.digest,
        "rules_sha256": digest(*_DATA_FILES),
        "models_sha256": models,
    }
    return {key: value for key, value in named.items() if value}
