"""Builders of destinations, and of who asks whether they answer: without the libraries of DICOM."""

from __future__ import annotations

import ssl

from trabecula.domain.delivery import Destination, SendNotEvaluable
from trabecula.domain.language import Language
from trabecula.peers.connection import client_context
from trabecula.peers.verification import Verifier
from trabecula.settings import PeerSettings, Settings


def destination_of(peer: PeerSettings, send_not_evaluable: str = "lumbar") -> Destination:
    """Return the destination a peer of the settings stands for; ``send_not_evaluable`` where it says nothing itself."""
    return Destination(
        name=peer.name,
        ae_title=peer.ae_title,
        host=peer.host,
        port=peer.port,
        object_kinds=peer.objects,
        commitment=peer.commitment,
        send_not_evaluable=SendNotEvaluable(peer.send_not_evaluable or send_not_evaluable),
        language=Language(peer.language),
    )


def client_tls_of(settings: Settings) -> dict[str, ssl.SSLContext]:
    """Return the client context of each destination that is spoken to by TLS. Raises ConfigurationInvalid."""
    secure = [peer for peer in settings.destinations if peer.tls]
    return {peer.name: client_context(settings.tls_certificate, settings.tls_key, settings.tls_ca) for peer in secure}


def verifier_of(settings: Settings) -> Verifier:
    """Return who sends a C-ECHO. Raises ConfigurationInvalid."""
    return Verifier(settings.ae_title, tls=client_tls_of(settings))
