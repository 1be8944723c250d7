"""One series per role: loads candidates in their order and segments them until one shows the lumbar spine."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trabecula.analysis.acquisition import acquisition_facts
from trabecula.analysis.bodies import Body, cut_bodies
from trabecula.analysis.series import Candidate
from trabecula.analysis.volumes import load_volume
from trabecula.domain.activity import doing, series_in_words
from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.errors import PixelDataUndecodable, SegmenterFailed
from trabecula.domain.ports import AnalysedVolume
from trabecula.domain.result import SourceSeries
from trabecula.domain.segmentation import Segmentation, Segmenter
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.volume import Modality, Volume

_ENOUGH_LEVELS = 2


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

    @property
    def usable_levels(self) -> int:
        """How many of L1-L4 were found whole and are trusted by the segmenter."""
        return sum(
            body.level in MEASURED_LEVELS
            and not body.cut_in_plane
            and not any(reason.blocking for reason in body.segmented.reasons)
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


@dataclass
class Attempts:
    """What came of the candidates of one role."""

    found: Segmented | None = None
    reasons: list[Reason] = field(default_factory=list)
    error: SegmenterFailed | None = None
    timings_s: dict[str, float] = field(default_factory=dict)

    def took(self, step: str, since: float) -> None:
        """Add the time since ``since`` to a step."""
        self.timings_s[step] = self.timings_s.get(step, 0.0) + time.monotonic() - since


def segment_best(candidates: Sequence[Candidate], segmenter: Segmenter, config: AnalysisConfig) -> Attempts:
    """Return the first candidate with at least two usable levels of L1-L4, else the best of those tried.

    A series that cannot be decoded or is too large gives a reason; a segmenter that breaks is remembered as error.
    """
    attempts = Attempts()
    for candidate in candidates[: config.attempts_per_role]:
        found = _attempt(candidate, segmenter, config, attempts)
        if found is None:
            continue
        if attempts.found is None or found.usable_levels > attempts.found.usable_levels:
            attempts.found = found
        if found.usable_levels >= _ENOUGH_LEVELS:
            break
    return attempts


def _attempt(
    candidate: Candidate, segmenter: Segmenter, config: AnalysisConfig, attempts: Attempts
) -> Segmented | None:
    slices, rows, columns = candidate.stack.geometry.shape
    voxels = slices * rows * columns
    if voxels > config.maximum_voxels:
        value, limit = round(voxels / 1e6), round(config.maximum_voxels / 1e6)
        attempts.reasons.append(
            Reason(ReasonCode.VOLUME_TOO_LARGE, False, None, candidate.series_uid, "", value, limit, "million voxels")
        )
        return None
    started = time.monotonic()
    series = series_in_words(candidate.acquisition.series_number, candidate.series_uid)
    doing(f"decoding {series}")
    try:
        volume = load_volume(candidate.stack)
    except PixelDataUndecodable as error:
        attempts.reasons.append(Reason(ReasonCode.UNREADABLE_PIXELS, False, None, candidate.series_uid, error.detail))
        return None
    attempts.took("load", started)
    started = time.monotonic()
    doing(f"segmenting {series}")
    try:
        segmentation = segmenter.segment(volume)
    except SegmenterFailed as error:
        attempts.error = error
        detail = error.code
        attempts.reasons.append(Reason(ReasonCode.ANALYSIS_FAILED, False, None, candidate.series_uid, detail))
        return None
    finally:
        attempts.took("segment", started)
    return Segmented(candidate, volume, segmentation, cut_bodies(volume, segmentation))
