"""Builders of what measures: the segmenter, the scorers and the analyser of a study."""

from __future__ import annotations

import os
from collections.abc import Sequence

from trabecula.analysis.analyser import AnalysisConfig, StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.data.bundle_location import bundle_roots, find_segmenter_among
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid
from trabecula.ledger.label_maps import AnalysisStore
from trabecula.scoring.activation import Activation, ModelRole, read_activation
from trabecula.scoring.bundles import bundle_named
from trabecula.scoring.scorers import check_runs, scorers_of
from trabecula.scoring.trust import site_trust
from trabecula.segmentation.choose import choose_segmenter
from trabecula.segmentation.foreign.program import ExternalProgram
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula.segmentation.reader_outlines import ReaderOutlines
from trabecula.settings import Settings

_MOST_THREADS = 4
"""Chosen, not measured: two cores were at hand. What runs beside the network uses one thread whatever this is."""


def segmenter_of(settings: Settings, files: Sequence[StoredFile] = (), choice: str = "", threads: int = 1) -> Segmenter:
    """Return the segmenter of the settings, or of ``choice``; ``files`` are those of the study (for dicom-seg).

    Raises BundleUnknown, BundleInvalid, ConfigurationInvalid.
    """

    def network() -> Segmenter:
        return NetworkSegmenter(find_segmenter_among(bundle_roots(settings.bundles_dir)), threads=threads)

    programs = {
        name: ExternalProgram(name, program.label_map, program.command, program.timeout_seconds)
        for name, program in settings.external_segmenters.items()
    }
    return choose_segmenter(choice or settings.segmenter, network, programs, files)


def threads_of(workers: int, cores: int) -> int:
    """Return on how many threads one analysis runs the network: its own core and those that no worker has, 4 at most.

    With the default number of workers, one core less than there are, that is 2. The answer is the same to the bit
    (58 runs of the graphs on an MR and a CT phantom, x86_64): the runtime divides what it writes, not what it adds up.
    """
    return max(1, min(_MOST_THREADS, cores - workers + 1))


def analyser_of(
    settings: Settings,
    files: Sequence[StoredFile] = (),
    activation: Activation | None = None,
    outlines: Sequence[InstanceUid] = (),
) -> StudyAnalyser:
    """Return the analyser for a study with these files; ``activation`` stands in for the models in use.

    ``outlines`` are DICOM SEGs among the files in which a reader drew, the newest first.
    """
    in_use = read_activation(settings.data_dir) if activation is None else activation
    thresholds = load_thresholds(settings.thresholds_file)
    scorers = scorers_of(bundle_roots(settings.bundles_dir), in_use, site_trust(settings.bundle_keys))
    segmenter = segmenter_of(settings, files, threads=threads_of(settings.workers, os.cpu_count() or 1))
    if outlines:
        segmenter = ReaderOutlines(segmenter, files, outlines)
    return StudyAnalyser(segmenter, scorers, thresholds, AnalysisConfig(models=in_use.digests))


def activation_with(settings: Settings, model_id: str) -> Activation:
    """Return the models in use as they would be with this bundle active, letting it decide only where it does now.

    Raises BundleUnknown, BundleInvalid, BundleUntrusted.
    """
    bundle = bundle_named(bundle_roots(settings.bundles_dir), model_id)
    site_trust(settings.bundle_keys).provenance(bundle)
    check_runs(bundle)
    now = read_activation(settings.data_dir)
    same = now.models.get(model_id)
    kept = same.clearance if same is not None and same.sha256 == bundle.sha256 else None
    return now.with_role(bundle, ModelRole.ACTIVE, kept)


def analysis_store_of(settings: Settings) -> AnalysisStore:
    """Return the store of results on disk with their label maps."""
    return AnalysisStore(settings.data_dir / "results")
