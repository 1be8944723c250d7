"""One series per role: loads candidates in their order and segments them until one shows the lumbar spine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trabecula.domain.errors import SegmenterFailed
from trabecula.domain.modality import Modality
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SourceSeries
from trabecula.domain.segmentation import Segmentation, SegmentedBody, Segmenter
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.study.activity import doing, series_in_words
from trabecula.domain.volume import Volume
from trabecula.imaging.acquisition import acquisition_facts
from trabecula.imaging.limits import TURNS
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.volumes.loading import load
from trabecula.imaging.volumes.turns import turns
from trabecula.regions.bodies import Body, cut_bodies
from trabecula.segmentation.equal_series import equal_series
from trabecula.segmentation.reader_names import ReaderNames
from trabecula.series.choice import Candidate

_ENOUGH_LEVELS = 2

TrustRule = Callable[[Segmentation, SegmentedBody], bool]
"""Whether the outline of a body may be measured: the gates' rule, handed in from above."""


@dataclass(frozen=True)
class AnalysisConfig:
    """Bounds of one analysis: voxels of a series (float32, so 4 bytes each) and series tried per role.

    ``models`` names, by modality, the digest of the models in use; it stands among the versions of a result.
    """

    maximum_voxels: int = 400_000_000
    attempts_per_role: int = 3
    models: Mapping[Modality, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Segmented:
    """A series with its segmentation. ``bodies`` are those of known level, from head to foot."""

    candidate: Candidate
    volume: Volume
    segmentation: Segmentation
    bodies: tuple[Body, ...]

    def usable_levels(self, is_trusted: TrustRule) -> int:
        """How many of L1-L4 were found whole, with an outline that may be measured."""
        return sum(
            body.level in MEASURED_LEVELS and not body.cut_in_plane and is_trusted(self.segmentation, body.segmented)
            for body in self.bodies
        )

    @property
    def source(self) -> SourceSeries:
        """The series as the result names it."""
        made = self.candidate.acquisition
        return SourceSeries(
            role=self.candidate.role,
            series_uid=made.series_uid,
            modality=Modality(made.modality),
            description=made.description,
            number=made.series_number,
            frame_of_reference_uid=made.frame_of_reference_uid,
            instance_uids=tuple(dict.fromkeys(self.volume.source_uids)),
            acquisition=acquisition_facts(made, self.candidate.stack.slice_spacing_mm),
        )

    @property
    def analysed(self) -> AnalysedVolume:
        """The volume with its labels and files, as reports need it."""
        files = tuple(dict.fromkeys(frame.file for frame in self.candidate.stack.frames))
        return AnalysedVolume(self.volume, self.segmentation.labels, files)


@dataclass(kw_only=True)
class Attempts:
    """What came of the candidates of one role."""

    found: Segmented | None = None
    reasons: list[Reason] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    error: SegmenterFailed | None = None
    timings_s: dict[str, float] = field(default_factory=dict)

    def refuse(self, candidate: Candidate, reason: Reason) -> None:
        """Note why a candidate is not measured."""
        self.reasons.append(reason)
        self.left_out.append(LeftOut(candidate.stack.frames, reason))

    def took(self, step: str, since: float) -> None:
        """Add the time since ``since`` to a step."""
        self.timings_s[step] = self.timings_s.get(step, 0.0) + time.monotonic() - since


def segment_best(
    candidates: Sequence[Candidate],
    segmenter: Segmenter,
    config: AnalysisConfig,
    is_trusted: TrustRule,
    names: ReaderNames | None = None,
) -> Attempts:
    """Return the first candidate with at least two usable levels of L1-L4, else the best of those tried.

    A series that cannot be decoded or is too large gives a reason; one of which slices are unfit is tried without
    them; a segmenter that breaks is remembered as error. A reader's ``names`` replace those of the segmenter.
    """
    attempts = Attempts()
    waiting, tried, most = deque(candidates), 0, -1
    while waiting and tried < config.attempts_per_role:
        candidate = waiting.popleft()
        volume = _volume(candidate, config, attempts)
        if isinstance(volume, list):
            waiting.extendleft(reversed(volume))
            tried += not volume
            continue
        tried += 1
        told = _turns(candidate, volume)
        if told is not None and told.blocking:
            attempts.refuse(candidate, replace(told, blocking=False))
            continue
        candidate = replace(candidate, reasons=(*candidate.reasons, *([told] if told else [])))
        found = _segmented(candidate, volume, segmenter, attempts, names)
        if found is None:
            continue
        usable = found.usable_levels(is_trusted)
        if usable > most:
            attempts.found, most = found, usable
        if usable >= _ENOUGH_LEVELS:
            break
        attempts.left_out.append(_passed_over(candidate, usable))
    if attempts.found is not None:
        attempts.left_out = [item for item in attempts.left_out if item.frames != attempts.found.candidate.stack.frames]
        measured = attempts.found.candidate
        remarks = (*measured.reasons, *equal_series(measured, candidates))
        attempts.found = replace(attempts.found, candidate=replace(measured, reasons=remarks))
    return attempts


def _passed_over(candidate: Candidate, levels: int) -> LeftOut:
    detail = f"tried; {levels} of L1-L4 can be measured in it"
    reason = Reason(code=ReasonCode.OTHER_SERIES, blocking=False, series_uid=candidate.series_uid, detail=detail)
    return LeftOut(candidate.stack.frames, reason)


def _volume(candidate: Candidate, config: AnalysisConfig, attempts: Attempts) -> Volume | list[Candidate]:
    """The volume of a candidate, or what takes its place: the same without unfit slices, nothing where it is unfit."""
    slices, rows, columns = candidate.stack.geometry.shape
    voxels = slices * rows * columns
    if voxels > config.maximum_voxels:
        reason = Reason(
            code=ReasonCode.VOLUME_TOO_LARGE,
            blocking=False,
            series_uid=candidate.series_uid,
            value=round(voxels / 1e6),
            limit=round(config.maximum_voxels / 1e6),
            unit="million voxels",
        )
        attempts.refuse(candidate, reason)
        return []
    started = time.monotonic()
    doing(f"decoding {_in_words(candidate)}")
    loaded = load(candidate.stack)
    attempts.took("load", started)
    if isinstance(loaded, Volume):
        return loaded
    remaining = [instead for stack in loaded.stacks if (instead := candidate.instead(stack)) is not None]
    if not remaining:
        attempts.refuse(candidate, loaded.left_out.reason)
    return remaining


def _turns(candidate: Candidate, volume: Volume) -> Reason | None:
    """Why an MR volume whose slices take turns in brightness is not measured; a warning where they differ little."""
    found = turns(volume.array) if volume.modality is Modality.MR else None
    if found is None:
        return None
    blocking = found.ratio >= TURNS.refused_ratio
    detail = f"every {('second', 'third', 'fourth')[found.period - 2]} slice, by {100 * (found.ratio - 1):.0f} %"
    return Reason(code=ReasonCode.SLICES_ALTERNATE, blocking=blocking, series_uid=candidate.series_uid, detail=detail)


def _segmented(
    candidate: Candidate, volume: Volume, segmenter: Segmenter, attempts: Attempts, names: ReaderNames | None
) -> Segmented | None:
    started = time.monotonic()
    doing(f"segmenting {_in_words(candidate)}")
    try:
        segmentation = segmenter.segment(volume)
    except SegmenterFailed as error:
        attempts.error = error
        reason = Reason(
            code=ReasonCode.ANALYSIS_FAILED, blocking=False, series_uid=candidate.series_uid, detail=error.code
        )
        attempts.refuse(candidate, reason)
        return None
    finally:
        attempts.took("segment", started)
    if names is not None and names.concern(candidate.stack.frames[0]):
        segmentation = names.upon(segmentation, volume.geometry) or segmentation
    return Segmented(candidate, volume, segmentation, cut_bodies(volume, segmentation))


def _in_words(candidate: Candidate) -> str:
    return series_in_words(candidate.acquisition.series_number, candidate.series_uid)
