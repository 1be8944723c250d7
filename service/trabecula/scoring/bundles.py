"""Model bundles on disk: found in the bundles root, read, and verified against the hashes of their manifest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import MANIFEST_NAME, MODEL_NAME, Manifest
from trabecula.domain.models.bundle_json import manifest_from_bytes
from trabecula.domain.results.result import SeriesRole

_SEGMENTER_KIND = "segmenter"


@dataclass(frozen=True)
class Bundle:
    """A verified bundle. ``sha256`` is the digest of its manifest, and so of every file in it."""

    folder: Path
    manifest: Manifest
    sha256: str

    @property
    def model_file(self) -> Path:
        """The graph."""
        return self.folder / MODEL_NAME

    @property
    def model_sha256(self) -> str:
        """Digest of the graph."""
        return self.manifest.files[MODEL_NAME]

    @property
    def modality(self) -> Modality:
        """The modality of the studies it scores."""
        return Modality.CT if SeriesRole.CT in self.manifest.roles else Modality.MR


@dataclass(frozen=True)
class FoundBundle:
    """A folder of the bundles root: the bundle in it, or why it is refused."""

    model_id: str
    bundle: Bundle | None
    error: BundleInvalid | None = None


def load_bundle(folder: Path) -> Bundle:
    """Return the bundle of a folder after checking every file. Raises BundleInvalid naming what does not match."""
    try:
        content = (folder / MANIFEST_NAME).read_bytes()
    except OSError as error:
        raise BundleInvalid(f"{folder.name} has no readable {MANIFEST_NAME}") from error
    manifest = manifest_from_bytes(content)
    if manifest.model_id != folder.name:
        raise BundleInvalid(f"the folder {folder.name} holds the bundle {manifest.model_id}")
    present = {path.name for path in folder.iterdir()} - {MANIFEST_NAME}
    unknown = sorted(present - set(manifest.files))
    if unknown:
        raise BundleInvalid(f"{folder.name} holds {unknown[0]}, which its manifest does not name")
    for name, expected in manifest.files.items():
        _verify(folder, name, expected)
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def _verify(folder: Path, name: str, expected: str) -> None:
    try:
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleInvalid(f"{name} of {folder.name} is missing or unreadable") from error
    if found != expected:
        raise BundleInvalid(f"{name} of {folder.name} was changed")


def find_bundles(root: Path) -> tuple[FoundBundle, ...]:
    """Return every model bundle under ``root`` by name, verified or with the reason for refusing it; no segmenters."""
    folders = sorted(path.parent for path in root.glob(f"*/{MANIFEST_NAME}") if not path.parent.name.startswith("."))
    return tuple(_found(folder) for folder in folders if not _is_segmenter(folder))


def bundle_named(root: Path, model_id: str) -> Bundle:
    """Return the verified bundle of a name. Raises BundleUnknown, BundleInvalid."""
    found = next((item for item in find_bundles(root) if item.model_id == model_id), None)
    if found is None:
        raise BundleUnknown(model_id)
    if found.bundle is None:
        raise found.error or BundleInvalid(model_id)
    return found.bundle


def _found(folder: Path) -> FoundBundle:
    try:
        return FoundBundle(folder.name, load_bundle(folder))
    except BundleInvalid as error:
        return FoundBundle(folder.name, None, error)


def _is_segmenter(folder: Path) -> bool:
    try:
        document = json.loads((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("kind") == _SEGMENTER_KIND
