"""The checks of ``trabecula doctor`` on the service as it runs: who receives and works, and what waits for a person."""

from __future__ import annotations

import resource
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trabecula.bootstrap.destinations import verifier_of
from trabecula.bootstrap.models import check_active_models
from trabecula.bootstrap.monitoring.rules import mail_server_of, policy_of, webhook_of
from trabecula.cli.doctor.ledger_look import LedgerLook
from trabecula.cli.edge import foreseen_errors
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import AssociationRejected, DestinationUnreachable, StorageFull
from trabecula.domain.errors_of.doctor import (
    CertificateTrouble,
    DeskSilent,
    ListenerSilent,
    QuarantineFilled,
    TooFewFiles,
    WorkersMissing,
    WorkFailed,
)
from trabecula.domain.errors_of.notification import MessageNotSent, NothingReceived
from trabecula.domain.notification.troubles import HostDisk, is_silent, silence_s
from trabecula.intake.tls import certificate_ends_at, server_context
from trabecula.jobs.queue import QUEUES
from trabecula.ledger.notifications.disks import host_disks
from trabecula.ledger.notifications.rows import unsent_messages
from trabecula.ledger.queries.monitoring import living_listeners, living_workers
from trabecula.ledger.queries.troubles import troubles
from trabecula.peers.connection import client_context
from trabecula.peers.secrets import read_secret
from trabecula.peers.verification import Verifier
from trabecula.settings import Settings
from trabecula.web.http.client import health_answers

_CERTIFICATE_DAYS = 14
_HOST_SECONDS = 86400.0
_SILENT_SECONDS = 300.0
_FILES_OF_ASSOCIATION = 4
"""Open files of one association: its socket, the file that is written, the folder that is synced, and one to spare."""
_OTHER_FILES = 128


def listener(settings: Settings, look: LedgerLook) -> str:
    """Whether our own listener answers C-ECHO; one that refuses this caller answers too."""
    if settings.dicom_port == 0:
        return "not asked: dicom_port is 0, so its port is another one each time"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.dicom_host, settings.dicom_host)  # noqa: S104
    address = f"{settings.ae_title}@{host}:{settings.dicom_port}"
    itself = Destination(name="listener", ae_title=settings.ae_title, host=host, port=settings.dicom_port)
    try:
        _verifier_of_ourselves(settings).echo(itself)
    except AssociationRejected:
        return f"{address} answers (and does not take ourselves as a caller)"
    except DestinationUnreachable as error:
        if isinstance(error.__cause__, ssl.SSLError) and "ALERT" in (error.__cause__.reason or ""):
            return f"{address} answers by TLS (and does not take our own certificate as a caller's)"
        others = _listeners_elsewhere(settings, look)
        if others:
            return f"none on this host; {', '.join(others)} receive"
        raise ListenerSilent(f"{address} does not answer") from error
    return f"{address} answers"


def _verifier_of_ourselves(settings: Settings) -> Verifier:
    """Return who asks our own listener: by TLS where it speaks TLS, whatever name its certificate is for."""
    if settings.tls_certificate is None or settings.tls_key is None:
        return verifier_of(settings)
    context = client_context(settings.tls_certificate, settings.tls_key, settings.tls_ca)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return Verifier(settings.ae_title, tls={"listener": context})


def _listeners_elsewhere(settings: Settings, look: LedgerLook) -> tuple[str, ...]:
    """Return who else receives; without a database nobody that is known of: the check of it tells why."""
    try:
        return living_listeners(look.connection(), settings.stalled_seconds)
    except foreseen_errors():
        return ()


def desk(settings: Settings) -> str:
    """Whether the desk answers at its own address, and for how long its certificate holds.

    The connection is to ourselves: which name the certificate is for is not asked.
    """
    if settings.web_port == 0:
        return "not asked: web_port is 0, so its port is another one each time"
    encrypted = settings.web_tls_certificate is not None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.web_host, settings.web_host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    address = f"{'https' if encrypted else 'http'}://{shown}:{settings.web_port}"
    holds = _desk_certificate(settings)
    if not health_answers(host, settings.web_port, encrypted=encrypted):
        raise DeskSilent(f"{address}/healthz does not answer")
    return f"{address} answers{holds}"


def _desk_certificate(settings: Settings) -> str:
    certificate, key = settings.web_tls_certificate, settings.web_tls_key
    if certificate is None:
        return ""
    if key is None:
        raise CertificateTrouble("web_tls_certificate is set and web_tls_key is not")
    for path in (certificate, key):
        if not path.is_file():
            raise CertificateTrouble(f"{path} is not there")
    server_context(certificate, key)
    return f", {_holds(certificate, 'its certificate')}"


def other_disks(look: LedgerLook) -> str:
    """Return the room of other hosts, and of the journals: those that are low. Raises StorageFull.

    Without a database nothing: the check of it tells why.
    """
    try:
        disks = host_disks(look.connection(), _HOST_SECONDS)
    except foreseen_errors():
        return ""
    others = [disk for disk in disks if (disk.host, disk.folder) != (socket.gethostname(), "data")]
    full = [disk for disk in others if disk.free_bytes < disk.watermark_bytes]
    if full:
        raise StorageFull("; ".join(_in_words(disk) for disk in full))
    low = [_in_words(disk) for disk in others if disk.is_low]
    return "".join(f"; {words}" for words in low) or (f"; {len(others)} more have room" if others else "")


def _in_words(disk: HostDisk) -> str:
    told = f", told {disk.told_s / 60:.0f} min ago" if disk.told_s > _SILENT_SECONDS else ""
    return (
        f"{disk.free_bytes / 2**30:.1f} GiB free for {disk.folder} on {disk.host}{told}; "
        f"watermark {disk.watermark_bytes / 2**30:g} GiB"
    )


def workers(settings: Settings, look: LedgerLook) -> str:
    """Whether each queue has a living worker: it told so within stalled_seconds."""
    alive = living_workers(look.connection(), settings.stalled_seconds)
    without = [queue for queue in QUEUES if not alive.get(queue)]
    if without:
        raise WorkersMissing(f"of {', '.join(without)}: none told for {settings.stalled_seconds:g} s that it lives")
    return ", ".join(f"{queue}: {alive[queue]} alive" for queue in QUEUES)


def failures(look: LedgerLook) -> str:
    """Whether studies or deliveries failed and wait for a person."""
    found = troubles(look.connection())
    if found.failed or found.undelivered_today:
        raise WorkFailed(
            f"{found.failed} studies are FAILED ({found.failed_today} since yesterday), "
            f"{found.undelivered_today} objects were refused or given up since yesterday"
        )
    return "no study is FAILED, no object was refused or given up since yesterday"


def quarantine(look: LedgerLook) -> str:
    """Whether instances were put aside since yesterday; older ones are counted."""
    found = troubles(look.connection())
    if found.held_today:
        raise QuarantineFilled(f"{found.held_today} since yesterday, {found.held} in all")
    return f"{found.held} held, none since yesterday"


def received(settings: Settings, look: LedgerLook) -> str:
    """When the last image came, and whether that is too long ago: by the rule by which people are told."""
    seconds = troubles(look.connection()).last_image_s
    if seconds is None:
        return "no image has come yet"
    now, policy = datetime.now(UTC), policy_of(settings)
    last = now - timedelta(seconds=seconds)
    if is_silent(policy, last, now):
        raise NothingReceived(f"the last one {silence_s(policy, last, now) / 3600:.0f} working hours ago")
    if seconds < 2 * 3600:
        return f"the last image came {seconds / 60:.0f} minutes ago"
    return f"the last image came {seconds / 3600:.0f} hours ago"


def told(settings: Settings, look: LedgerLook) -> str:
    """Whether anybody is told of troubles, over channels that work."""
    channels = [channel.words for channel in (mail_server_of(settings), webhook_of(settings)) if channel is not None]
    if not channels:
        return "nobody would be told of troubles: no smtp_host, no webhook_url"
    if settings.smtp_password_file is not None:
        read_secret(str(settings.smtp_password_file))
    unsent = unsent_messages(look.connection())
    if unsent:
        raise MessageNotSent("; ".join(f"{count} by {channel}: {error}" for channel, error, count in unsent))
    return f"told of troubles: {'; '.join(channels)}"


def models(settings: Settings) -> str:
    """Whether every model in use is whole, believed and runs here."""
    names = check_active_models(settings)
    return f"in use and whole: {', '.join(names)}" if names else "no model is in use"


def certificates(settings: Settings) -> str:
    """Whether the files of TLS can be used, and for how long."""
    if settings.tls_certificate is None:
        return "plain DICOM: no tls_certificate"
    if settings.tls_key is None:
        raise CertificateTrouble("tls_certificate is set and tls_key is not")
    for name in ("tls_certificate", "tls_key", "tls_ca"):
        path = getattr(settings, name)
        if path is not None and not Path(path).is_file():
            raise CertificateTrouble(f"{name}: {path} is not there")
    server_context(settings.tls_certificate, settings.tls_key, settings.tls_ca)
    return _holds(settings.tls_certificate, "the certificate")


def _holds(certificate: Path, name: str) -> str:
    days = _days_left(certificate)
    if days < _CERTIFICATE_DAYS:
        raise CertificateTrouble(f"{name} ends in {days:.0f} days" if days > 0 else f"{name} has ended")
    return f"{name} holds for {days:.0f} days"


def _days_left(certificate: Path) -> float:
    return (certificate_ends_at(certificate) - datetime.now(UTC)).total_seconds() / 86400


def open_files(settings: Settings) -> str:
    """Whether the limit of open files allows as many associations as the settings do."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = settings.max_associations * _FILES_OF_ASSOCIATION + _OTHER_FILES
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise TooFewFiles(f"{limit}, and {settings.max_associations} associations need {needed}")
    return f"{limit} may be open, {settings.max_associations} associations need {needed}"
