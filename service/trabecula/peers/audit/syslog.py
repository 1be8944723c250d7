"""Syslog over TLS: messages of RFC 5424 in the framing of RFC 5425, as PS3.15 A.6 wants them.

Syslog has no answer to a message. A batch counts as taken when the server ends the connection in order after we did:
it has read everything by then. A server that goes away before gets the batch again.
"""

from __future__ import annotations

import errno
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from trabecula.domain.audit.wire import AuditSource, NumberedEntry
from trabecula.domain.errors_of.ledger import AuditNotSent
from trabecula.domain.handshake import handshake_in_words
from trabecula.peers.audit.message import messages_of

_PRIORITY = 85
"""Facility 10 (security and authorization), severity 5 (normal but significant): PS3.15 A.6."""
_MESSAGE_ID = "DICOM+RFC3881"
_LARGEST_SEQUENCE = 2147483647
_SECONDS = 20.0
_CLOSE_WAIT = 8
"""The state of a connection whose other side has closed in order (Linux, net/tcp_states.h)."""
_TCP_INFO = struct.Struct("=B23xI")
"""Of struct tcp_info of Linux: the state, and how many segments were not acknowledged (tcpi_unacked)."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class SyslogServer:
    """A server of syslog over TLS, and how it is trusted and told who we are."""

    host: str
    port: int
    context: ssl.SSLContext = field(compare=False)

    @property
    def words(self) -> str:
        """Where messages go."""
        return f"syslog at {self.host}:{self.port}"


def send_to_syslog(server: SyslogServer, source: AuditSource, entries: Sequence[NumberedEntry]) -> int:
    """Send the entries over one connection; return how many were taken, which is all. Raises AuditNotSent."""
    frames = b"".join(framed(line) for numbered in entries for line in lines_of(numbered, source))
    try:
        with (
            socket.create_connection((server.host, server.port), timeout=_SECONDS) as plain,
            server.context.wrap_socket(plain, server_hostname=server.host) as connection,
        ):
            connection.sendall(frames)
            _end_in_order(connection)
    except ssl.SSLError as error:
        raise AuditNotSent(f"{server.words}: {handshake_in_words(error)}") from error
    except OSError as error:
        raise AuditNotSent(f"{server.words}: {error.strerror or type(error).__name__}") from error
    return len(entries)


def lines_of(numbered: NumberedEntry, source: AuditSource) -> Iterator[bytes]:
    """Yield an entry as messages of RFC 5424; ``sequenceId`` is its number, so that a repetition is known."""
    at = numbered.entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    sequence = (numbered.number - 1) % _LARGEST_SEQUENCE + 1
    host = _field(source.host, 255)
    header = f'<{_PRIORITY}>1 {at} {host} trabecula - {_MESSAGE_ID} [meta sequenceId="{sequence}"] '
    for message in messages_of(numbered, source):
        yield header.encode("ascii") + _BYTE_ORDER_MARK + message


def framed(line: bytes) -> bytes:
    """Return a message as RFC 5425 4.3 frames it: its length in octets, a space, the message."""
    return str(len(line)).encode() + b" " + line


def _field(text: str, longest: int) -> str:
    """A field of the header: printable ASCII without spaces, "-" where nothing is left (RFC 5424 6)."""
    return "".join(sign for sign in text if "!" <= sign <= "~")[:longest] or "-"


def _end_in_order(connection: ssl.SSLSocket) -> None:
    """Say that we end, and wait until the server does. Raises OSError unless it has read what was sent."""
    try:
        connection.unwrap()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):  # rsyslog ends without a word of its own in TLS
        _check_read(connection)


def _check_read(connection: ssl.SSLSocket) -> None:
    """Look whether the server closed with everything read; who closes with data unread resets the connection (tcp(7)).

    Raises ConnectionResetError where it did not read, or where that does not become clear in time.
    """
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        state, unacknowledged = _TCP_INFO.unpack(found)
        if state == _CLOSE_WAIT and unacknowledged == 0:
            return
        if state != _CLOSE_WAIT:
            break
        time.sleep(0.02)
    raise ConnectionResetError(errno.ECONNRESET, "it ended the connection before it had read everything")
