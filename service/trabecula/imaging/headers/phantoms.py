"""Whether an image is of a phantom, by its headers: whoever renames the patient does not make a person of it."""

from __future__ import annotations

import re

from trabecula.imaging.header_values import Lookup, text

_NAMED = re.compile(r"phantom\b", re.IGNORECASE)
_SAID = re.compile(r"\bdigital phantom\b", re.IGNORECASE)


def is_phantom(lookup: Lookup) -> bool:
    """Return whether Quality Control Image says so, ID or name of the patient begin with the word, the issuer of the ID
    holds it, or comments or institution call it a digital phantom (``trabecula.phantom`` writes all but the first)."""
    return (
        text(lookup, "QualityControlImage").upper() == "YES"
        or any(_NAMED.match(text(lookup, name)) for name in ("PatientID", "PatientName"))
        or _NAMED.search(text(lookup, "IssuerOfPatientID")) is not None
        or any(_SAID.search(text(lookup, name)) for name in ("PatientComments", "InstitutionName"))
    )
