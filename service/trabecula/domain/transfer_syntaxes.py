"""Transfer Syntaxes (PS3.5 A, PS3.6 A) that code decides by, by name."""

from __future__ import annotations

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1.99"
EXPLICIT_VR_BIG_ENDIAN = "1.2.840.10008.1.2.2"

LITTLE_ENDIAN = (IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)
"""Those that hold pixels as plain values, lowest byte first."""
LOSSY = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in ("50", "51", "81"))
"""JPEG Baseline, JPEG Extended and JPEG-LS near-lossless: pixels are never those that were acquired."""
