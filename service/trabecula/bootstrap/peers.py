"""Builders of what asks, sends and reads DICOM: the sender, storage commitment, the source archive, headers."""

from __future__ import annotations

from dataclasses import replace

from trabecula.bootstrap.destinations import client_tls_of
from trabecula.imaging.headers.facts import HeaderFactsReader
from trabecula.peers.archive import ArchiveConfig, FindArchive
from trabecula.peers.commitment import CommitmentScu
from trabecula.peers.sender import StoreSender
from trabecula.pipeline import Services
from trabecula.settings import Settings


def sender_of(settings: Settings) -> StoreSender:
    """Return the C-STORE SCU. Raises ConfigurationInvalid."""
    return StoreSender(settings.ae_title, tls=client_tls_of(settings))


def requester_of(settings: Settings) -> CommitmentScu:
    """Return the SCU of storage commitment. Raises ConfigurationInvalid."""
    return CommitmentScu(settings.ae_title, tls=client_tls_of(settings))


def archive_of(settings: Settings) -> FindArchive | None:
    """Return the source archive, or None when none is configured."""
    peer = settings.archive
    if peer is None:
        return None
    config = ArchiveConfig(own_ae_title=settings.ae_title, ae_title=peer.ae_title, host=peer.host, port=peer.port)
    return FindArchive(config)


def with_peers(services: Services, settings: Settings) -> Services:
    """Return the services with all of these, for a worker that settles and delivers. Raises ConfigurationInvalid."""
    return replace(
        services,
        sender=sender_of(settings),
        requester=requester_of(settings),
        archive=archive_of(settings),
        facts=HeaderFactsReader(),
    )
