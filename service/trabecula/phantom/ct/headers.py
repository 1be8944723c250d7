"""The DICOM headers a CT scanner would write for a phantom (PS3.3 C.8.2.1), by keyword."""

from __future__ import annotations

from trabecula.phantom.protocols import CtProtocol, Kernel, Phase
from trabecula.phantom.tables import entry


def study_description(protocol: CtProtocol) -> str:
    """Study Description (0008,1030)."""
    return "CT lumbar spine" if protocol.phase is Phase.NATIVE else "CT abdomen with contrast"


def axial_header(protocol: CtProtocol) -> dict[str, object]:
    """Header of the axial series."""
    contrast = {} if protocol.phase is Phase.NATIVE else {"ContrastBolusAgent": "Iomeprol 350"}
    words = {Phase.NATIVE: "native", Phase.ARTERIAL: "arterial", Phase.PORTAL: "portal venous"}[protocol.phase]
    bone = " bone" if protocol.kernel is Kernel.SHARP else ""
    return {
        **_scanner(protocol),
        **contrast,
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SeriesDescription": f"L-spine{bone} {protocol.thickness_mm:g} {protocol.kernel_name} {words}",
        "ProtocolName": "L-Spine",
        "ScanOptions": "HELICAL MODE",
        "SliceThickness": protocol.thickness_mm,
        "SpacingBetweenSlices": protocol.increment_mm,
        "GantryDetectorTilt": protocol.tilt_deg,
        "RescaleType": "HU",
    }


def reformat_header(protocol: CtProtocol) -> dict[str, object]:
    """Header of the sagittal reformat."""
    return {
        **axial_header(protocol),
        "ImageType": ["DERIVED", "PRIMARY", "MPR"],
        "SeriesDescription": f"L-spine {protocol.sagittal_reformat_mm:g} Sagittal",
        "SliceThickness": protocol.sagittal_reformat_mm,
        "SpacingBetweenSlices": protocol.sagittal_reformat_mm,
        "GantryDetectorTilt": 0.0,
    }


def scout_header(protocol: CtProtocol) -> dict[str, object]:
    """Header of the scout."""
    return {
        **_scanner(protocol),
        "ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        "SeriesDescription": "Scout",
        "ProtocolName": "L-Spine",
        "SliceThickness": 5.0,
    }


def _scanner(protocol: CtProtocol) -> dict[str, object]:
    scanner = entry("scanners", "ct", protocol.scanner)
    return {
        "Manufacturer": scanner["manufacturer"],
        "ManufacturerModelName": scanner["model"],
        "StationName": f"CT-{protocol.scanner.upper()}",
        "SoftwareVersions": "phantom",
        "KVP": protocol.kvp,
        "ConvolutionKernel": protocol.kernel_name,
        "XRayTubeCurrent": 180,
        "ExposureTime": 500,
        "ReconstructionDiameter": round(max(protocol.matrix) * protocol.pixel_mm, 1),
        "DataCollectionDiameter": 500.0,
        "BodyPartExamined": "LSPINE",
        "PatientPosition": "HFS",
    }
