"""The three UIDs that are never mixed up: of a study, of a series and of an instance (PS3.3 C.7.2.1, C.7.3.1, C.12.1).

Each is text to every library and a type of its own to us: a study's UID where a series' is asked for is an error of
types, found before anything runs.
"""

from __future__ import annotations

from typing import NewType

StudyUid = NewType("StudyUid", str)
SeriesUid = NewType("SeriesUid", str)
InstanceUid = NewType("InstanceUid", str)

NO_STUDY, NO_SERIES, NO_INSTANCE = StudyUid(""), SeriesUid(""), InstanceUid("")
"""Where none is meant."""
