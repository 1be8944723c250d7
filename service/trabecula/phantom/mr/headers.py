"""The DICOM headers an MR scanner would write for a phantom (PS3.3 C.8.3.1), by keyword."""

from __future__ import annotations

from dataclasses import replace

from trabecula.domain.volume import Plane
from trabecula.phantom.protocols import MrProtocol, MrSequence, Weighting
from trabecula.phantom.tables import entry

STUDY_DESCRIPTION = "MR lumbar spine"

_PLANE_WORDS = {Plane.SAGITTAL: "sag", Plane.AXIAL: "ax", Plane.CORONAL: "cor"}
_WORDS = {Weighting.T1: "T1 TSE", Weighting.T2: "T2 TSE", Weighting.STIR: "STIR"}


def sequence_header(protocol: MrProtocol, sequence: MrSequence) -> dict[str, object]:
    """Header of one series. A disguised sequence gets the tags of what it claims to be."""
    claimed = sequence
    if sequence.disguised_as is not None:
        claimed = replace(sequence, weighting=sequence.disguised_as, disguised_as=None, inversion_ms=None)
    repetition, echo, inversion = protocol.times(claimed)
    inverted = claimed.weighting is Weighting.STIR
    options = ["FS"] if claimed.fat_saturated else []
    header = {
        **_scanner(protocol),
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"],
        "SeriesDescription": claimed.description or _description(claimed),
        "ProtocolName": claimed.description or _description(claimed),
        "ScanningSequence": ["SE", "IR"] if inverted else "SE",
        "SequenceVariant": ["SK", "SP"],
        "ScanOptions": options,
        "MRAcquisitionType": "2D",
        "RepetitionTime": repetition,
        "EchoTime": echo,
        "EchoTrainLength": 3 if claimed.weighting is Weighting.T1 else 17,
        "SliceThickness": protocol.thickness_mm,
        "SpacingBetweenSlices": round(protocol.thickness_mm + protocol.gap_mm, 3),
    }
    if inverted:
        header["InversionTime"] = inversion
    if claimed.gadolinium:
        header["ContrastBolusAgent"] = "Gadobutrol"
    return header


def localizer_header(protocol: MrProtocol) -> dict[str, object]:
    """Header of the three-plane localizer."""
    return {
        **_scanner(protocol),
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "LOCALIZER"],
        "SeriesDescription": "3-plane localizer",
        "ProtocolName": "localizer",
        "ScanningSequence": "GR",
        "SequenceVariant": "SP",
        "ScanOptions": [],
        "MRAcquisitionType": "2D",
        "RepetitionTime": 8.6,
        "EchoTime": 4.0,
        "EchoTrainLength": 1,
        "SliceThickness": 8.0,
        "SpacingBetweenSlices": 20.0,
    }


def _description(sequence: MrSequence) -> str:
    words = f"{_WORDS[sequence.weighting]} {_PLANE_WORDS[sequence.plane]}"
    return words + (" FS" if sequence.fat_saturated else "") + (" +C" if sequence.gadolinium else "")


def _scanner(protocol: MrProtocol) -> dict[str, object]:
    scanner = entry("scanners", "mr", protocol.scanner)
    return {
        "Manufacturer": scanner["manufacturer"],
        "ManufacturerModelName": scanner["model"],
        "StationName": f"MR-{protocol.scanner.upper()}",
        "SoftwareVersions": "phantom",
        "MagneticFieldStrength": scanner["tesla"],
        "ImagingFrequency": round(float(scanner["tesla"]) * 42.577, 3),
        "ImagedNucleus": "1H",
        "FlipAngle": 150.0,
        "NumberOfAverages": 2.0,
        "PixelBandwidth": 190.0,
        "BodyPartExamined": "LSPINE",
        "PatientPosition": "HFS",
    }
