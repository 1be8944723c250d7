"""The composition root: builds every adapter from the settings and hands it over; no logic."""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from trabecula.analysis.analyser import AnalysisConfig, StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.data.bundle_location import find_bundles_root, find_segmenter_bundle
from trabecula.domain.delivery import Destination
from trabecula.domain.ports.ledger import OpenLedger
from trabecula.domain.ports.registrar import Registrar
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.jobs import RetryPolicy
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.headers.facts import HeaderFactsReader
from trabecula.imaging.volumes.dicom import SeriesLoader
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.storage.copies import SpoolCopies
from trabecula.intake.storage.spool import Spool
from trabecula.intake.tls import server_context
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.child import ChildRunner
from trabecula.jobs.queue import ProcrastinateQueue
from trabecula.jobs.registrar import LedgerRegistrar
from trabecula.jobs.worker import run_worker as run_worker_of
from trabecula.ledger.artifacts import ArtifactStore
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.embedded import EmbeddedPostgres
from trabecula.ledger.schema import migrate
from trabecula.ledger.store import ledger_opener
from trabecula.peers.archive import ArchiveConfig, FindArchive
from trabecula.peers.commitment import CommitmentScu
from trabecula.peers.requestor import client_context
from trabecula.peers.sender import StoreSender
from trabecula.pipeline import Services, SettlePolicy
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.scoring.activation import Activation, ModelRole, read_activation
from trabecula.scoring.bundles import bundle_named
from trabecula.scoring.scorers import check_runs, scorers_of
from trabecula.segmentation.choose import choose_segmenter
from trabecula.segmentation.foreign.program import ExternalProgram
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula.settings import PeerSettings, Settings

CHILD_COMMAND = (sys.executable, "-m", "trabecula", "child")
"""Runs one heavy stage in a process of its own; see cli/serving/child.py."""


@dataclass(frozen=True)
class KeptDatabase:
    """A database in use; ``mend`` starts an embedded one again where it was killed and says whether it had to."""

    url: str
    mend: Callable[[], bool]


@contextmanager
def kept_database(settings: Settings) -> Iterator[KeptDatabase]:
    """Give the migrated database; an embedded one is started or joined, and left at the end.

    Raises DatabaseUnavailable, EmbeddedDatabaseDead, DataFolderUnusable.
    """
    if settings.database_url:
        migrate(settings.database_url)
        yield KeptDatabase(settings.database_url, lambda: False)
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    url = embedded.start()
    try:
        migrate(url)
        yield KeptDatabase(url, embedded.mend)
    finally:
        embedded.stop()


@contextmanager
def opened_database(settings: Settings) -> Iterator[str]:
    """Give the URL of the migrated database, as ``kept_database`` does."""
    with kept_database(settings) as database:
        yield database.url


@contextmanager
def opened_engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on the database, disposed at the end."""
    engine = create_engine_for(database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def ledger_of(engine: Engine) -> OpenLedger:
    """Return the function that opens a transaction of the ledger."""
    return ledger_opener(engine, ProcrastinateQueue())


def spool_of(settings: Settings) -> Spool:
    """Return the spool. Raises SpoolUnavailable."""
    return Spool(settings.data_dir / "spool")


def artifacts_of(settings: Settings) -> ArtifactStore:
    """Return the store of results on disk."""
    return ArtifactStore(settings.data_dir / "results")


def registrar_of(settings: Settings, engine: Engine) -> Registrar:
    """Return the listener's way into the ledger."""
    return LedgerRegistrar(ledger_of(engine), settings.study_quiet_seconds)


def listener_of(settings: Settings, registrar: Registrar) -> Listener:
    """Return the listener, not started."""
    config = ListenerConfig(
        ae_title=settings.ae_title,
        host=settings.dicom_host,
        port=settings.dicom_port,
        calling_ae_titles=frozenset(settings.calling_ae_titles),
        max_associations=settings.max_associations,
        min_free_bytes=int(settings.min_free_gib * 2**30),
        tls=_server_tls(settings),
    )
    return Listener(config, spool_of(settings), registrar)


def destination_of(peer: PeerSettings) -> Destination:
    """Return the destination a peer of the settings stands for."""
    return Destination(
        name=peer.name,
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        object_kinds=peer.objects,
        commitment=peer.commitment,
    )


def sender_of(settings: Settings) -> StoreSender:
    """Return the C-STORE SCU. Raises ConfigurationInvalid."""
    return StoreSender(settings.ae_title, tls=_client_tls(settings))


def _server_tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return server_context(settings.tls_certificate, settings.tls_key, settings.tls_ca)


def _client_tls(settings: Settings) -> dict[str, ssl.SSLContext]:
    secure = [peer for peer in settings.destinations if peer.tls]
    return {peer.name: client_context(settings.tls_certificate, settings.tls_key, settings.tls_ca) for peer in secure}


def archive_of(settings: Settings) -> FindArchive | None:
    """Return the source archive, or None when none is configured."""
    peer = settings.archive
    return (
        FindArchive(
            ArchiveConfig(own_ae_title=settings.ae_title, ae_title=peer.ae_title, host=peer.host, port=peer.port)
        )
        if peer
        else None
    )


def segmenter_of(settings: Settings, files: Sequence[StoredFile] = (), choice: str = "", threads: int = 1) -> Segmenter:
    """Return the segmenter of the settings, or of ``choice``; ``files`` are those of the study (for dicom-seg).

    Raises BundleUnknown, BundleInvalid, ConfigurationInvalid.
    """

    def network() -> Segmenter:
        root = settings.bundles_dir or find_bundles_root()
        return NetworkSegmenter(find_segmenter_bundle(root), threads=threads)

    programs = {
        name: ExternalProgram(name, program.label_map, program.command, program.timeout_seconds)
        for name, program in settings.external_segmenters.items()
    }
    return choose_segmenter(choice or settings.segmenter, network, programs, files)


def analyser_of(
    settings: Settings, files: Sequence[StoredFile] = (), activation: Activation | None = None
) -> StudyAnalyser:
    """Return the analyser for a study with these files; ``activation`` stands in for the models in use."""
    in_use = read_activation(settings.data_dir) if activation is None else activation
    thresholds = load_thresholds(settings.thresholds_file)
    scorers = scorers_of(settings.bundles_dir or find_bundles_root(), in_use)
    return StudyAnalyser(segmenter_of(settings, files), scorers, thresholds, AnalysisConfig(models=in_use.digests))


def activation_with(settings: Settings, model_id: str) -> Activation:
    """Return the models in use as they would be with this bundle active. Raises BundleUnknown, BundleInvalid."""
    bundle = bundle_named(settings.bundles_dir or find_bundles_root(), model_id)
    check_runs(bundle)
    return read_activation(settings.data_dir).with_role(bundle, ModelRole.ACTIVE)


def reporter_of(settings: Settings) -> DicomReporter:
    """Return the writer of result objects."""
    return DicomReporter(
        ReportingConfig(
            uid_root=settings.uid_root,
            identity_on_picture=settings.burn_in_patient_name,
            allow_empty_patient_id=settings.send_without_patient_id,
        )
    )


def loader_of() -> SeriesLoader:
    """Return the loader of volumes from files."""
    return SeriesLoader()


def services_of(settings: Settings, engine: Engine) -> Services:
    """Return everything the use cases need."""
    spool = spool_of(settings)
    return Services(
        open_ledger=ledger_of(engine),
        locate=spool.path,
        artifacts=artifacts_of(settings),
        runner=ChildRunner(CHILD_COMMAND, settings.analysis_timeout_seconds),
        sender=sender_of(settings),
        requester=CommitmentScu(settings.ae_title, tls=_client_tls(settings)),
        facts=HeaderFactsReader(),
        copies=SpoolCopies(spool),
        destinations={peer.name: destination_of(peer) for peer in settings.destinations},
        archive=archive_of(settings),
        settle=SettlePolicy(quiet_s=settings.study_quiet_seconds),
        retries=RetryPolicy(attempts=settings.max_attempts),
        commitment_timeout_s=settings.commitment_timeout_seconds,
    )


def run_worker(
    settings: Settings, database_url: str, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None]
) -> None:
    """Work on the queues until SIGTERM."""
    with opened_engine(database_url) as engine:
        options = QueueOptions(stalled_s=settings.stalled_seconds)
        app = build_app(database_url, services_of(settings, engine), engine, options)
        run_worker_of(app, queues, concurrency, on_ready)
