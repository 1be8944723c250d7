"""One association we accept, from A-ASSOCIATE to its end: the DIMSE dialogue over one socket, in one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import structlog

from trabecula.domain.errors import (
    AssociationLimitReached,
    CalledAeRefused,
    CallingAeRefused,
    PeerViolation,
    TrabeculaError,
)
from trabecula.domain.sop_classes import STORAGE_COMMITMENT_PUSH, VERIFICATION
from trabecula.intake.admission import Admission, shown_ae_title
from trabecula.intake.counts import ReceptionCounts
from trabecula.intake.event_report import EventReportSink
from trabecula.intake.storage.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from trabecula.intake.storage.service import DataSink, DiscardingSink, Origin, Storage
from trabecula.intake.upper_layer.command import (
    MAX_COMMAND_BYTES,
    Command,
    CommandField,
    DimseStatus,
    decode_command,
    encode_response,
)
from trabecula.intake.upper_layer.negotiation import (
    answer_contexts,
    answer_roles,
)
from trabecula.intake.upper_layer.pdu import (
    APPLICATION_CONTEXT,
    APPLICATION_CONTEXT_UNKNOWN,
    CALLED_AE_UNKNOWN,
    CALLING_AE_UNKNOWN,
    LIMIT_EXCEEDED,
    AnsweredContext,
    AssociateRequest,
    ContextResult,
    Fragment,
    PduType,
    Rejection,
    decode_associate_request,
    decode_fragments,
    encode_abort,
    encode_accept,
    encode_command,
    encode_reject,
    encode_release_response,
)
from trabecula.intake.upper_layer.wire import PeerGone, PeerStream

_MAX_REQUEST_BYTES = 1 << 20
"""128 contexts with every transfer syntax there is are about 200 kB."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on a peer. ``association_seconds`` is for the request, ``idle_seconds`` between messages."""

    association_seconds: float = 15.0
    idle_seconds: float = 300.0
    pdu_seconds: float = 30.0
    max_pdu_bytes: int = 131072
    max_instance_bytes: int = 4 << 30


@dataclass(kw_only=True)
class _Message:
    """A message that is arriving."""

    context_id: int
    command_bytes: bytearray = field(default_factory=bytearray)
    command: Command | None = None
    sink: DataSink | None = None
    size_bytes: int = 0


class AcceptedAssociation:
    """The acceptor's side of one association; all in one thread but ``hang_up`` and ``idle_seconds``."""

    def __init__(
        self,
        stream: PeerStream,
        service: Storage,
        admission: Admission,
        limits: Limits,
        association_id: str,
        counts: ReceptionCounts | None = None,
    ) -> None:
        self._stream = stream
        self._service = service
        self._admission = admission
        self._limits = limits
        self._counts = counts or ReceptionCounts()
        self._contexts: dict[int, AnsweredContext] = {}
        self._origin = Origin("", association_id)
        self._message: _Message | None = None
        self._answered = 0
        self._hung_up = False

    @property
    def idle_seconds(self) -> float:
        """For how long it has been silent between two messages; 0 in the middle of one."""
        since = self._stream.quiet_since
        return 0.0 if since is None or self._message is not None else time.monotonic() - since

    def hang_up(self) -> None:
        """End it from another thread: it aborts as soon as it waits for the peer."""
        self._hung_up = True
        self._stream.stop_reading()

    def run(self, *, over_limit: bool) -> None:
        """Serve until release, abort or a fault of the peer; ``over_limit`` rejects it as transient.

        Raises PeerViolation, PeerTooSlow, PeerGone, OSError; the caller closes the socket.
        """
        started = time.monotonic()
        try:
            if self._establish(over_limit):
                self._serve()
        except TrabeculaError:
            self._stream.write(encode_abort(by_provider=True))
            raise
        except PeerGone:
            if not self._hung_up:
                raise
            self._stream.write(encode_abort(by_provider=False))
        finally:
            if self._message is not None and self._message.sink is not None:
                self._message.sink.abandon()
            seconds = round(time.monotonic() - started, 3)
            studies = sorted(self._origin.studies)
            log.info("association.ended", messages=self._answered, seconds=seconds, study_uids=studies)

    def _establish(self, over_limit: bool) -> bool:
        pdu = self._stream.read(idle_seconds=self._limits.association_seconds, max_bytes=_MAX_REQUEST_BYTES)
        if pdu.kind is PduType.ABORT:
            return False
        if pdu.kind is not PduType.ASSOCIATE_RQ:
            raise PeerViolation(f"it began with {pdu.kind.name}")
        request = decode_associate_request(bytes(pdu.body))
        rejection = self._rejection(request, over_limit)
        if rejection is not None:
            self._stream.write(encode_reject(rejection))
            return False
        answers = answer_contexts(request, may_store=self._admission.may_store(request.calling_ae_title))
        self._contexts = {answer.context_id: answer for answer in answers if answer.result is ContextResult.ACCEPTED}
        self._origin = Origin(request.calling_ae_title, self._origin.association_id)
        self._stream.write(
            encode_accept(
                request,
                answers,
                answer_roles(request),
                self._limits.max_pdu_bytes,
                (IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION),
            )
        )
        accepted = len(self._contexts)
        self._counts.association_accepted()
        log.info("association.accepted", contexts=len(answers), accepted=accepted, peer=request.implementation_version)
        return True

    def _rejection(self, request: AssociateRequest, over_limit: bool) -> Rejection | None:
        structlog.contextvars.bind_contextvars(calling_ae_title=request.calling_ae_title)
        try:
            if request.application_context != APPLICATION_CONTEXT:
                log.warning("association.rejected", reason="unknown application context")
                self._counts.association_rejected("APPLICATION_CONTEXT_UNKNOWN")
                return APPLICATION_CONTEXT_UNKNOWN
            self._admission.check(request.called_ae_title, request.calling_ae_title)
            if over_limit:
                raise AssociationLimitReached
        except (CalledAeRefused, CallingAeRefused, AssociationLimitReached) as error:
            log.warning("association.rejected", code=error.code, reason=error.sentence, next_step=error.next_step)
            self._counts.association_rejected(error.code)
            return _REJECTIONS[type(error)]
        return None

    def _serve(self) -> None:
        limits = self._limits
        # A peer may count the PDU header in its maximum length; that little is allowed.
        max_bytes = limits.max_pdu_bytes + 1024
        while True:
            idle_seconds = limits.idle_seconds if self._message is None else limits.pdu_seconds
            pdu = self._stream.read(idle_seconds=idle_seconds, max_bytes=max_bytes)
            if pdu.kind is PduType.P_DATA_TF:
                for fragment in decode_fragments(pdu.body):
                    self._take(fragment)
            elif pdu.kind is PduType.RELEASE_RQ:
                self._stream.write(encode_release_response())
                return
            elif pdu.kind is PduType.ABORT:
                log.info("association.aborted")
                return
            else:
                raise PeerViolation(f"{pdu.kind.name} in the middle of an association")

    def _take(self, fragment: Fragment) -> None:
        message = self._message
        if message is None:
            if fragment.context_id not in self._contexts:
                raise PeerViolation("a message on a presentation context that was not accepted")
            message = self._message = _Message(context_id=fragment.context_id)
        elif fragment.context_id != message.context_id:
            raise PeerViolation("a message that changes its presentation context")
        if fragment.is_command != (message.command is None):
            raise PeerViolation("command and data set out of order")
        if message.command is None:
            message.command_bytes += fragment.data
            if len(message.command_bytes) > MAX_COMMAND_BYTES:
                raise PeerViolation("an endless command set")
            if fragment.is_last:
                message.command = decode_command(bytes(message.command_bytes))
                message.sink = self._sink(message.command, self._contexts[message.context_id])
                if not message.command.has_data_set:
                    self._answer(message)
            return
        message.size_bytes += len(fragment.data)
        if message.size_bytes > self._limits.max_instance_bytes:
            raise PeerViolation("a data set that is longer than allowed")
        assert message.sink is not None
        message.sink.write(fragment.data)
        if fragment.is_last:
            self._answer(message)

    def _sink(self, command: Command, context: AnsweredContext) -> DataSink | None:
        """Return what takes the data set and answers; None for what gets no answer."""
        if not command.is_request or command.field == CommandField.C_CANCEL_RQ:
            return DiscardingSink(DimseStatus.SUCCESS)
        if command.field == CommandField.C_ECHO_RQ and context.abstract_syntax == VERIFICATION:
            return DiscardingSink(DimseStatus.SUCCESS)
        if command.field == CommandField.N_EVENT_REPORT_RQ and context.abstract_syntax == STORAGE_COMMITMENT_PUSH:
            return EventReportSink(self._service.registrar, command, context.transfer_syntax)
        if command.field == CommandField.C_STORE_RQ and context.abstract_syntax not in _NOT_STORAGE:
            return self._service.begin(command, context.transfer_syntax, self._origin)
        return DiscardingSink(DimseStatus.UNRECOGNISED_OPERATION)

    def _answer(self, message: _Message) -> None:
        assert message.command is not None
        assert message.sink is not None
        self._message = None
        try:
            status, comment = message.sink.finish()
        except Exception:
            # The edge: whatever is wrong with one instance or in us, the association goes on and nothing is claimed.
            log.exception("request.crashed", field=message.command.field)
            status, comment = DimseStatus.PROCESSING_FAILURE, TrabeculaError.code
        if message.command.field == CommandField.C_STORE_RQ:
            cause = comment or f"0x{status:04X}" if status else ""
            self._counts.stored(shown_ae_title(self._origin.calling_ae_title), cause)
        if message.command.is_request and message.command.field != CommandField.C_CANCEL_RQ:
            self._stream.write(encode_command(message.context_id, encode_response(message.command, status, comment)))
        self._answered += 1


_NOT_STORAGE = frozenset({VERIFICATION, STORAGE_COMMITMENT_PUSH})
_REJECTIONS: dict[type[TrabeculaError], Rejection] = {
    CalledAeRefused: CALLED_AE_UNKNOWN,
    CallingAeRefused: CALLING_AE_UNKNOWN,
    AssociationLimitReached: LIMIT_EXCEEDED,
}
