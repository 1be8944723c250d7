"""``trabecula config conformance``: the network part of a DICOM Conformance Statement, as this configuration is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from pydicom.uid import UID

from trabecula.cli.output import errors_as_exit_code, print_line
from trabecula.domain.delivery import host_and_port
from trabecula.domain.sop_classes import (
    IMAGE_CLASSES,
    SEGMENTATION_CLASSES,
    STORAGE_COMMITMENT_PUSH,
    STUDY_ROOT_FIND,
    STUDY_ROOT_MOVE,
    VERIFICATION,
)
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from trabecula.intake.association import Limits
from trabecula.intake.upper_layer.negotiation import TRANSFER_SYNTAXES
from trabecula.reporting.stamping import IMPLEMENTATION_CLASS_UID
from trabecula.settings import PeerSettings, Settings, load_settings
from trabecula.version import __version__

_SENT = {
    "SR": ("1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.22"),
    "SEG": ("1.2.840.10008.5.1.4.1.1.66.4",),
    "SC": ("1.2.840.10008.5.1.4.1.1.7",),
}
"""The SOP Classes of each kind of result, fall-back classes included (docs/conformance.md)."""

_NEWER = {
    "1.2.840.10008.5.1.4.1.1.66.7": "Label Map Segmentation Storage",
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
    "1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression",
}
"""Names of PS3.6 A that pydicom's table does not have yet."""


def conformance(
    out: Annotated[Path | None, typer.Option(help="Markdown file; standard output without it.")] = None,
) -> None:
    """Write what this configuration accepts, offers and asks of others, in the order of PS3.2."""
    with errors_as_exit_code():
        text = statement(load_settings())
        if out is None:
            print_line(text)
        else:
            out.write_text(text + "\n", encoding="utf-8")


def statement(settings: Settings) -> str:
    """Return the statement in Markdown."""
    return "\n".join(
        [
            f"# DICOM Conformance Statement: Trabecula {__version__}, network part",
            "",
            "Written from the configuration in force. The objects themselves: docs/conformance.md.",
            "",
            *_application_entity(settings),
            *_accepted(settings),
            *_requested(settings),
            *_security(settings),
        ]
    )


def _application_entity(settings: Settings) -> Iterator[str]:
    limits = Limits()
    callers = ", ".join(settings.calling_ae_titles) or "any, from this machine only"
    yield from ("## Application Entity", "")
    yield from _table(
        ("property", "value"),
        (
            ("AE title", settings.ae_title),
            ("address", host_and_port(settings.dicom_host, settings.dicom_port)),
            ("Implementation Class UID", IMPLEMENTATION_CLASS_UID),
            ("Application Context", "1.2.840.10008.3.1.1.1"),
            ("associations at once", settings.max_associations),
            ("maximum PDU received", f"{limits.max_pdu_bytes} bytes"),
            ("asynchronous operations", "one at a time"),
            ("called AE title", "must be ours"),
            ("calling AE titles", callers),
            ("storage", _acknowledged(settings)),
        ),
    )


def _acknowledged(settings: Settings) -> str:
    where = "in the database" if settings.acknowledge_after == "row" else "on the disk of the receiving host"
    return f"0x0000 when bytes and record are synced {where}; 0xA700 below {settings.min_free_gib:g} GiB of free space"


def _accepted(settings: Settings) -> Iterator[str]:
    readers = ", ".join(settings.reader_ae_titles)
    outlines = f"used as outlines of a reader from {readers}" if readers else "kept; no AE title is a reader's"
    yield from ("## Accepted associations (we are SCP)", "")
    rows: list[tuple[object, ...]] = [(_named(VERIFICATION), "answered")]
    rows += [(_named(uid), "kept and measured") for uid in sorted(IMAGE_CLASSES)]
    rows += [(_named(uid), outlines) for uid in sorted(SEGMENTATION_CLASSES)]
    rows += [
        ("every other storage SOP Class, standard or private", "acknowledged with success and dropped unread"),
        (_named(STORAGE_COMMITMENT_PUSH), "N-EVENT-REPORT only (the peer in the role of SCP)"),
    ]
    yield from _table(("SOP Class", "what becomes of it"), rows)
    yield from ("Transfer Syntaxes, for every SOP Class; the sender's first known one is taken:", "")
    yield from (f"- {_named(uid)}" for uid in sorted(TRANSFER_SYNTAXES))
    yield ""


def _requested(settings: Settings) -> Iterator[str]:
    yield from ("## Requested associations (we are SCU)", "")
    if not settings.destinations and settings.archive is None:
        yield from ("None: no destination and no archive are configured.", "")
        return
    rows = [row for peer in settings.destinations for row in _to_destination(peer)]
    if settings.archive is not None:
        rows += [(_peer(settings.archive), _named(uid), "") for uid in (VERIFICATION, STUDY_ROOT_FIND, STUDY_ROOT_MOVE)]
    yield from _table(("peer", "SOP Class", "remark"), rows)
    syntaxes = ", ".join(_named(uid) for uid in (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN))
    yield from (f"Objects are sent in Explicit VR Little Endian; proposed are {syntaxes}.", "")


def _to_destination(peer: PeerSettings) -> Iterator[tuple[object, ...]]:
    yield (_peer(peer), _named(VERIFICATION), "by `trabecula doctor`")
    for kind in peer.objects:
        first, *others = _SENT[kind]
        yield (_peer(peer), _named(first), kind)
        yield from ((_peer(peer), _named(uid), f"{kind}, where the one before is refused") for uid in others)
    if peer.commitment:
        yield (_peer(peer), _named(STORAGE_COMMITMENT_PUSH), "N-ACTION; answered on the same or a new association")


def _security(settings: Settings) -> Iterator[str]:
    received = "plain DICOM"
    if settings.tls_certificate is not None:
        shown = "; callers must show a certificate of the configured CA" if settings.tls_ca is not None else ""
        received = f"TLS only{shown}"
    secure = [peer.name for peer in settings.destinations if peer.tls]
    yield from ("## Security and character sets", "")
    yield f"- Received: {received}."
    yield f"- Sent: TLS to {', '.join(secure)}, plain DICOM to others." if secure else "- Sent: plain DICOM."
    yield "- AE titles are checked and authenticate nobody."
    yield from _audit(settings)
    yield from _languages(settings)
    yield "- Read: every Specific Character Set of PS3.3 C.12.1.1.2. Written: ISO_IR 192 (UTF-8)."


def _audit(settings: Settings) -> Iterator[str]:
    """Where audit messages go."""
    if settings.audit_syslog:
        words = "as of PS3.15 A.5 over syslog TLS (A.6; RFC 5424, RFC 5425, MSGID DICOM+RFC3881)"
        yield f"- Audit messages: {words} to {settings.audit_syslog}; persons and studies are pseudonyms."
    else:
        yield "- Audit messages: none are sent."


def _languages(settings: Settings) -> Iterator[str]:
    """Which destination gets texts in which language."""
    named = [f"{peer.name} {peer.language}" for peer in settings.destinations]
    if named:
        told = "codes, values and units are the same in all; texts are not yet reviewed by a clinician in any language"
        yield f"- Languages of report and picture: {', '.join(named)} ({told})."


def _peer(peer: PeerSettings) -> str:
    return f"{peer.name} ({peer.ae_title}@{host_and_port(peer.host, peer.port)})"


def _named(uid: str) -> str:
    return f"{_NEWER.get(uid, UID(uid).name)} `{uid}`"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(str(cell) for cell in row)} |"
    yield ""
