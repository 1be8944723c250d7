"""Which models speak: one active bundle for each modality and any number of silent challengers, with a log of changes.

The state is ``activation.json`` in the data folder, replaced in one step; ``activation.log`` beside it gets one JSON
line for every change and is never rewritten. Every analysis reads the state anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.identity import digest
from trabecula.domain.modality import Modality
from trabecula.files import whole_file

if TYPE_CHECKING:
    from trabecula.scoring.bundles import Bundle  # who only asks what is in use needs nothing that measures

STATE_NAME = "activation.json"
LOG_NAME = "activation.log"
_LOCK_NAME = "activation.lock"
_VERSION = 1


class ModelRole(StrEnum):
    """What a bundle is used for."""

    ACTIVE = "active"
    """Its score stands in the report."""
    CHALLENGER = "challenger"
    """Scored and stored, never shown in the report."""
    OFF = "off"
    """Not run."""


@dataclass(frozen=True)
class Clearance:
    """The site's word that a model may set a category: who gave it, when (ISO 8601), and on which validation."""

    who: str
    when: str
    validation: str


@dataclass(frozen=True)
class Activated:
    """A bundle in use; ``sha256`` is the digest of the manifest that was verified when it was activated. Without a
    ``clearance`` its score is shown and changes no category."""

    role: ModelRole
    modality: Modality
    sha256: str
    clearance: Clearance | None = None


@dataclass(frozen=True)
class Activation:
    """The bundles in use by model id; those that are off are absent."""

    models: Mapping[str, Activated] = field(default_factory=dict)

    def role(self, model_id: str) -> ModelRole:
        """Return what a bundle is used for."""
        return self.models[model_id].role if model_id in self.models else ModelRole.OFF

    def with_role(self, bundle: Bundle, role: ModelRole, clearance: Clearance | None = None) -> Activation:
        """Return the activation after giving a bundle a role; a new active one takes the place of the old."""
        models = {name: item for name, item in self.models.items() if name != bundle.manifest.model_id}
        if role is ModelRole.ACTIVE:
            models = {
                name: item
                for name, item in models.items()
                if item.role is not ModelRole.ACTIVE or item.modality is not bundle.modality
            }
        if role is not ModelRole.OFF:
            models[bundle.manifest.model_id] = Activated(role, bundle.modality, bundle.sha256, clearance)
        return Activation(models)

    def without(self, model_id: str) -> Activation:
        """Return the activation with one bundle off, whether or not it is still installed."""
        return replace(self, models={name: item for name, item in self.models.items() if name != model_id})

    @property
    def digests(self) -> dict[Modality, str]:
        """For each modality the SHA-256 of which bundles are in use and as what; none where no model is in use.

        A digest, because a result that goes into a report names no silent challenger.
        """
        lines: dict[Modality, list[str]] = {}
        for model_id, item in self.models.items():
            decides = " decides" if item.clearance else ""
            lines.setdefault(item.modality, []).append(f"{model_id} {item.role} {item.sha256}{decides}")
        return {modality: digest(of) for modality, of in lines.items()}


def read_activation(data_dir: Path) -> Activation:
    """Return the bundles in use; none where nothing was ever activated. Raises BundleInvalid for a damaged file."""
    try:
        document = json.loads((data_dir / STATE_NAME).read_bytes())
    except FileNotFoundError:
        return Activation()
    except (OSError, ValueError, RecursionError) as error:
        raise BundleInvalid(f"{STATE_NAME} is not readable ({type(error).__name__})") from error
    return _decoded(document)


def change_activation(data_dir: Path, after: Activation, who: str, when: datetime, reason: str) -> None:
    """Write the state and one line of the log. The log comes first: no change goes without its line."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with _locked(data_dir):
        before = read_activation(data_dir)
        entry = {
            "when": when.isoformat(),
            "who": who,
            "reason": reason,
            "before": _encoded(before)["models"],
            "after": _encoded(after)["models"],
        }
        _append(data_dir / LOG_NAME, json.dumps(entry, ensure_ascii=False))
        with whole_file(data_dir / STATE_NAME, synced=True) as file:
            file.write((json.dumps(_encoded(after), indent=1, ensure_ascii=False) + "\n").encode("utf-8"))


def activation_before(data_dir: Path) -> Activation:
    """Return the bundles that were in use before the last change, for a roll-back. Raises BundleUnknown without one."""
    try:
        lines = (data_dir / LOG_NAME).read_text("utf-8").splitlines()
        last = json.loads(lines[-1])
    except (FileNotFoundError, IndexError) as error:
        raise BundleUnknown("no model was ever activated, so there is nothing to roll back") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleInvalid(f"{LOG_NAME} is not readable ({type(error).__name__})") from error
    return _decoded({"version": _VERSION, "models": last["before"]} if isinstance(last, dict) else last)


def _encoded(activation: Activation) -> dict[str, Any]:
    return {"version": _VERSION, "models": {name: asdict(item) for name, item in sorted(activation.models.items())}}


def _decoded(document: Any) -> Activation:
    try:
        if document["version"] != _VERSION:
            raise BundleInvalid(f"{STATE_NAME} has version {document['version']!r}, not {_VERSION}")
        return Activation(
            {
                str(name): Activated(
                    ModelRole(item["role"]),
                    Modality(item["modality"]),
                    str(item["sha256"]),
                    _clearance(item.get("clearance")),
                )
                for name, item in document["models"].items()
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleInvalid(f"{STATE_NAME} does not say which models are in use ({error})") from error


def _clearance(document: Any) -> Clearance | None:
    """States of older versions have none: their models are shown and decide nothing."""
    if document is None:
        return None
    return Clearance(*(str(document[name]) for name in ("who", "when", "validation")))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / _LOCK_NAME).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
