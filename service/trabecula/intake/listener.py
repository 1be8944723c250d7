"""The DICOM port: accepts connections, gives each a thread and an association, and drains on shutdown."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import threading
import time
import uuid
from dataclasses import dataclass, field

import structlog

from trabecula.domain.errors import ConfigurationInvalid, PeerTooSlow, TrabeculaError
from trabecula.domain.errors_of.reception import HandshakeFailed
from trabecula.domain.errors_of.serving import PortTaken
from trabecula.domain.handshake import handshake_in_words
from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.admission import Admission, DiskWatermark
from trabecula.intake.association import AcceptedAssociation, Limits
from trabecula.intake.counts import ReceptionCounts
from trabecula.intake.journal.writer import Journal
from trabecula.intake.storage.journaling import JournalStoreService
from trabecula.intake.storage.service import Storage, StoreService
from trabecula.intake.storage.spool import Spool
from trabecula.intake.upper_layer.wire import PeerGone, PeerStream

_BACKLOG = 128
_REFUSED_AT_ONCE = 64
"""Connections beyond the limit that are answered with a proper rejection; more than these are just closed."""
_LEFTOVER_SECONDS = 86400.0
_SILENT_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class ListenerConfig:
    """Where the listener stands and whom it takes; ``port`` 0 lets the system choose.

    An empty ``calling_ae_titles`` means everybody on a loopback host, nobody elsewhere; ``committing_ae_titles`` may
    bring answers to storage commitment all the same. ``tls`` is a server context.
    """

    ae_title: str = "TRABECULA"
    host: str = "127.0.0.1"
    port: int = 11112
    calling_ae_titles: frozenset[str] = frozenset()
    committing_ae_titles: frozenset[str] = frozenset()
    max_associations: int = 64
    min_free_bytes: int = 2 << 30
    limits: Limits = field(default_factory=Limits)
    tls: ssl.SSLContext | None = None


@dataclass
class _Connection:
    peer: socket.socket
    association: AcceptedAssociation | None = None


class Listener:
    """Storage SCP, verification SCP and receiver of storage commitment answers. Thread-safe."""

    def __init__(self, config: ListenerConfig, spool: Spool, keeper: Registrar | Journal) -> None:
        """``keeper`` is what success waits for: the ledger's row, or this host's own journal."""
        self.counts = ReceptionCounts()
        self._config = config
        self._spool = spool
        self._journal = keeper if isinstance(keeper, Journal) else None
        self._service = _storage(config, spool, keeper)
        self._admission = Admission.for_host(
            config.ae_title, config.calling_ae_titles, config.host, config.committing_ae_titles
        )
        self._socket: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._changed = threading.Condition()
        self._connections: dict[str, _Connection] = {}
        self._draining = False

    def start(self) -> int:
        """Listen and return the port.

        Raises PortTaken, ConfigurationInvalid when the address cannot be had, SpoolUnavailable, JournalInUse.
        """
        self._spool.sweep(_LEFTOVER_SECONDS)
        family = socket.AF_INET6 if ":" in self._config.host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((self._config.host, self._config.port))
        except OSError as error:
            listening.close()
            where = f"{self._config.host}:{self._config.port}"
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(where) from error
            raise ConfigurationInvalid(f"DICOM_HOST and DICOM_PORT: {where}: {error.strerror}") from error
        if self._journal is not None:
            try:
                self._journal.start()
            except TrabeculaError:
                listening.close()
                raise
        listening.listen(_BACKLOG)
        self._socket = listening
        self._acceptor = threading.Thread(target=self._accept, args=(listening,), name="dicom-accept", daemon=True)
        self._acceptor.start()
        port = int(listening.getsockname()[1])
        log.info("listener.started", host=self._config.host, port=port, ae_title=self._config.ae_title)
        return port

    @property
    def open_associations(self) -> int:
        """How many connections are open now."""
        with self._changed:
            return len(self._connections)

    @property
    def is_accepting(self) -> bool:
        """Whether a new connection would be taken."""
        return not self._draining and self._acceptor is not None and self._acceptor.is_alive()

    def drain(self, seconds: float) -> int:
        """Take no more connections, let running transfers end for up to ``seconds``, then abort; return how many were.

        An association that has been silent for a second between two messages is aborted at once.
        """
        self._close_door()
        deadline = time.monotonic() + seconds
        with self._changed:
            while self._connections and (remaining := deadline - time.monotonic()) > 0:
                self._hang_up(silent_seconds=_SILENT_SECONDS)
                self._changed.wait(min(remaining, _SILENT_SECONDS / 4))
            aborted = len(self._connections)
            self._hang_up(silent_seconds=0.0)
            self._changed.wait_for(lambda: not self._connections, timeout=5.0)
        if self._journal is not None:
            self._journal.stop()
        log.info("listener.drained", aborted=aborted)
        return aborted

    def stop(self) -> None:
        """Abort everything now."""
        self.drain(0)

    def _close_door(self) -> None:
        self._draining = True
        if self._socket is not None:
            # shutdown wakes the thread that is blocked in accept; close alone does not.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        if self._acceptor is not None:
            self._acceptor.join()

    def _hang_up(self, silent_seconds: float) -> None:
        for connection in self._connections.values():
            if connection.association is None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection.peer, socket.SHUT_RD)
            elif connection.association.idle_seconds >= silent_seconds:
                connection.association.hang_up()

    def _accept(self, listening: socket.socket) -> None:
        while not self._draining:
            try:
                peer, address = listening.accept()
            except OSError as error:
                if self._draining:
                    return
                # Out of descriptors, or a peer that left at once: go on when something has ended, or soon.
                log.error("connection.not_accepted", reason=str(error.strerror))
                with self._changed:
                    self._changed.wait(0.2)
                continue
            association_id = uuid.uuid4().hex[:12]
            with self._changed:
                beyond = len(self._connections) - self._config.max_associations
                if beyond < _REFUSED_AT_ONCE:
                    self._connections[association_id] = _Connection(peer)
            if beyond >= _REFUSED_AT_ONCE:
                peer.close()
                continue
            threading.Thread(
                target=self._converse,
                args=(association_id, peer, str(address[0]), beyond >= 0),
                name=f"dicom-{association_id}",
                daemon=True,
            ).start()

    def _converse(self, association_id: str, peer: socket.socket, address: str, over_limit: bool) -> None:
        """One connection from its first byte to its end; the edge where every fault ends as a log line."""
        structlog.contextvars.bind_contextvars(association=association_id, address=address)
        try:
            secured = self._secured(association_id, peer)
            stream = PeerStream(secured, pdu_seconds=self._config.limits.pdu_seconds)
            association = AcceptedAssociation(
                stream, self._service, self._admission, self._config.limits, association_id, self.counts
            )
            with self._changed:
                self._connections[association_id] = _Connection(secured, association)
            association.run(over_limit=over_limit)
        except HandshakeFailed as error:
            self.counts.association_rejected(error.code)
            log.warning("handshake.failed", code=error.code, reason=error.sentence, next_step=error.next_step)
        except TrabeculaError as error:
            log.warning("association.failed", code=error.code, reason=error.sentence, next_step=error.next_step)
        except (PeerGone, OSError) as error:
            log.info("connection.lost", kind=type(error).__name__)
        except Exception:
            log.exception("association.crashed")
        finally:
            with self._changed:
                _close(self._connections.pop(association_id).peer)
                self._changed.notify_all()
            structlog.contextvars.clear_contextvars()

    def _secured(self, association_id: str, peer: socket.socket) -> socket.socket:
        """Do the TLS handshake, in the connection's own thread and within the time for a request."""
        if self._config.tls is None:
            return peer
        secured = self._config.tls.wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
        with self._changed:
            self._connections[association_id] = _Connection(secured)
        secured.settimeout(self._config.limits.association_seconds)
        try:
            secured.do_handshake()
        except TimeoutError as error:
            raise PeerTooSlow("the TLS handshake did not end in time") from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise
        except ssl.SSLError as error:
            raise HandshakeFailed(handshake_in_words(error)) from error
        return secured


def _storage(config: ListenerConfig, spool: Spool, keeper: Registrar | Journal) -> Storage:
    if not isinstance(keeper, Journal):
        return StoreService(spool, keeper, DiskWatermark(spool.free_bytes, config.min_free_bytes))
    folder = keeper.folder
    watermark = DiskWatermark(lambda: min(folder.free_bytes(), spool.free_bytes()), config.min_free_bytes)
    return JournalStoreService(keeper, watermark)


def _close(peer: socket.socket) -> None:
    with contextlib.suppress(OSError):
        peer.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        peer.close()
