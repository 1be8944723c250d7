"""A peer's socket, read PDU by PDU with a deadline and a bound on every one of them."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass

from trabecula.domain.errors import PeerTooSlow, PeerViolation
from trabecula.intake.upper_layer.pdu import PduType

_WAKE_SECONDS = 0.25
_HEADER = struct.Struct(">BxL")
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_TYPES = frozenset(int(kind) for kind in PduType)


class PeerGone(Exception):
    """The peer closed the connection."""


@dataclass(frozen=True)
class Pdu:
    """One received PDU; ``body`` (without the header) is only valid until the next one is read."""

    kind: PduType
    body: memoryview


class PeerStream:
    """Reads PDUs from a connected socket and writes bytes to it; used by one thread."""

    def __init__(self, peer: socket.socket, *, pdu_seconds: float, buffer_bytes: int = 1 << 19) -> None:
        """``pdu_seconds`` is the time a PDU may take from its first byte to its last, and an answer to be taken."""
        self._socket = peer
        self._pdu_seconds = pdu_seconds
        self._buffer = bytearray(buffer_bytes)
        self._view = memoryview(self._buffer)
        self._start = 0
        self._end = 0
        self._stopped = False
        self.quiet_since: float | None = None
        """Since when it waits for the first byte of a PDU; None while one is under way. Other threads may read it."""
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def read(self, *, idle_seconds: float, max_bytes: int) -> Pdu:
        """Return the next PDU. ``idle_seconds`` may pass before its first byte, ``max_bytes`` is its longest body.

        Raises PeerTooSlow, PeerViolation, PeerGone, OSError.
        """
        if self._start == self._end:
            self._start = self._end = 0
            self.quiet_since = time.monotonic()
            self._fill(self.quiet_since + idle_seconds)
            self.quiet_since = None
        deadline = time.monotonic() + self._pdu_seconds
        while self._end - self._start < _HEADER.size:
            self._make_room(_HEADER.size)
            self._fill(deadline)
        kind, length = _HEADER.unpack_from(self._buffer, self._start)
        if kind not in _TYPES:
            raise PeerViolation(f"a PDU of the unknown type {kind}")
        if length > max_bytes:
            raise PeerViolation(f"a PDU of {length} bytes where {max_bytes} are the most")
        whole = _HEADER.size + length
        self._make_room(whole)
        while self._end - self._start < whole:
            self._fill(deadline)
        body = self._view[self._start + _HEADER.size : self._start + whole]
        self._start += whole
        return Pdu(PduType(kind), body)

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises PeerTooSlow, OSError."""
        self._socket.settimeout(self._pdu_seconds)
        try:
            self._socket.sendall(data)
        except TimeoutError as error:
            raise PeerTooSlow("it does not take our answer") from error

    def stop_reading(self) -> None:
        """Make the reading thread see the end of the connection; for another thread."""
        # A flag that is looked at: after an end of file under TLS nothing could be sent any more, not even an abort.
        self._stopped = True

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._socket.close()

    def _make_room(self, needed: int) -> None:
        if self._start + needed <= len(self._buffer):
            return
        held = self._end - self._start
        if needed > len(self._buffer):
            larger = bytearray(needed)
            larger[:held] = self._view[self._start : self._end]
            self._buffer, self._view = larger, memoryview(larger)
        else:
            # The regions may overlap; slice assignment between views of one buffer is a memmove.
            self._view[:held] = self._view[self._start : self._end]
        self._start, self._end = 0, held

    def _fill(self, deadline: float) -> None:
        count = -1
        while count < 0:
            remaining = deadline - time.monotonic()
            if self._stopped:
                raise PeerGone
            if remaining <= 0:
                raise PeerTooSlow("a PDU did not arrive in time")
            self._socket.settimeout(min(remaining, _WAKE_SECONDS))
            with contextlib.suppress(TimeoutError):
                count = self._socket.recv_into(self._view[self._end :])
        if count == 0:
            raise PeerGone
        if _QUICKACK is not None:
            # A DCMTK sender leaves Nagle on: without an immediate ACK every instance waits 40 ms for the delayed one.
            self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        self._end += count
