"""Sending image files as a modality would: one C-STORE association, a status for every instance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pynetdicom import AE

from trabecula.domain.errors import AssociationRejected, DeliveryRefused


def send_files(files: Sequence[Path], host: str, port: int, called_ae_title: str, calling_ae_title: str) -> None:
    """Send DICOM files over one association. Raises AssociationRejected, DeliveryRefused with the status word."""
    ae = AE(ae_title=calling_ae_title)
    kinds = set()
    for path in files:
        meta = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"])
        kinds.add((meta.SOPClassUID, meta.file_meta.TransferSyntaxUID))
    for sop_class, transfer_syntax in sorted(kinds):
        ae.add_requested_context(sop_class, transfer_syntax)
    association = ae.associate(host, port, ae_title=called_ae_title)
    if not association.is_established:
        raise AssociationRejected(f"{called_ae_title}@{host}:{port}")
    try:
        for path in files:
            status = association.send_c_store(path)
            if not status or status.Status != 0x0000:
                word = f"0x{status.Status:04X}" if status else "no answer"
                raise DeliveryRefused(f"{called_ae_title} answered {word}")
    finally:
        association.release()
