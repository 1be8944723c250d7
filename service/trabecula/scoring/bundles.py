"""Model bundles on disk: found in the bundles root, read, and verified against the hashes of their manifest."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import MANIFEST_NAME, MODEL_NAME, SIGNATURE_NAME, Manifest
from trabecula.domain.models.bundle_json import manifest_from_bytes
from trabecula.domain.results.result import SeriesRole

_SEGMENTER_KIND = "segmenter"

LARGEST_MANIFEST = 16 * 2**20
"""Bytes; the precision matrix of 300 used columns, more than any recipe selects, has 3 MiB."""
LARGEST_GRAPH = 512 * 2**20
"""Bytes; EfficientNet-B4 in float32 has 70 MiB."""
LARGEST_OTHER = 16 * 2**20
"""Bytes of a card or a figure."""
MOST_FILES = 64
"""Graph, card and three figures for each of a few endpoints."""


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
    content = _manifest_bytes(folder)
    manifest = manifest_from_bytes(content)
    if manifest.model_id != folder.name:
        raise BundleInvalid(f"the folder {folder.name} holds the bundle {manifest.model_id}")
    present = {path.name for path in folder.iterdir()} - {MANIFEST_NAME, SIGNATURE_NAME}
    unknown = sorted(present - set(manifest.files))
    if unknown:
        raise BundleInvalid(f"{folder.name} holds {unknown[0]}, which its manifest does not name")
    if len(manifest.files) > MOST_FILES:
        raise BundleInvalid(f"{folder.name} names {len(manifest.files)} files, more than {MOST_FILES}")
    for name, expected in manifest.files.items():
        _verify(folder, name, expected)
    return Bundle(folder, manifest, hashlib.sha256(content).hexdigest())


def _manifest_bytes(folder: Path) -> bytes:
    _demand_size(folder, MANIFEST_NAME, LARGEST_MANIFEST)
    try:
        return (folder / MANIFEST_NAME).read_bytes()
    except OSError as error:
        raise BundleInvalid(f"{folder.name} has no readable {MANIFEST_NAME}") from error


def _demand_size(folder: Path, name: str, largest: int) -> None:
    """Raise BundleInvalid for what is no plain file, or larger than any bundle needs; nothing of it is read."""
    try:
        found = (folder / name).lstat()
    except (OSError, ValueError) as error:
        if name == MANIFEST_NAME:
            raise BundleInvalid(f"{folder.name} has no readable {MANIFEST_NAME}") from error
        raise BundleInvalid(f"{name} of {folder.name} is missing or unreadable") from error
    if not stat.S_ISREG(found.st_mode):
        raise BundleInvalid(f"{name} of {folder.name} is no plain file")
    if found.st_size > largest:
        size, limit = (number / 2**20 for number in (found.st_size, largest))
        raise BundleInvalid(f"{name} of {folder.name} has {size:.0f} MiB, more than {limit:.0f}")


def _verify(folder: Path, name: str, expected: str) -> None:
    _demand_size(folder, name, LARGEST_GRAPH if name == MODEL_NAME else LARGEST_OTHER)
    try:
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleInvalid(f"{name} of {folder.name} is missing or unreadable") from error
    if found != expected:
        raise BundleInvalid(f"{name} of {folder.name} was changed")


def find_bundles(roots: Sequence[Path]) -> tuple[FoundBundle, ...]:
    """Return every model bundle under ``roots`` by name, verified or with the reason for refusing it; no segmenters.

    Of two of one name the one of the later root (those that ship) counts, and the other is refused.
    """
    last = {folder.name: root for root in roots for folder in _folders(root)}
    found = [
        _found(folder) if last[folder.name] == root else _hidden(folder) for root in roots for folder in _folders(root)
    ]
    return tuple(sorted(found, key=lambda item: (item.model_id, item.bundle is None)))


def _folders(root: Path) -> list[Path]:
    """The folders with a manifest, but hidden ones and segmenters."""
    folders = [path.parent for path in root.glob(f"*/{MANIFEST_NAME}") if not path.parent.name.startswith(".")]
    return [folder for folder in sorted(folders) if not _is_segmenter(folder)]


def _hidden(folder: Path) -> FoundBundle:
    why = f"{folder.name} in {folder.parent} has the name of a bundle that ships; export it under another"
    return FoundBundle(folder.name, None, BundleInvalid(why))


def bundle_folder(roots: Sequence[Path], model_id: str) -> Path:
    """Return where the bundle of a name lies or would lie: in the last root that has it, else in the first."""
    having = [root / model_id for root in roots if (root / model_id / MANIFEST_NAME).is_file()]
    return having[-1] if having else roots[0] / model_id


def bundle_named(roots: Sequence[Path], model_id: str) -> Bundle:
    """Return the verified bundle of a name. Raises BundleUnknown, BundleInvalid."""
    folder = bundle_folder(roots, model_id)
    if not any(folder in _folders(root) for root in roots):
        raise BundleUnknown(model_id)
    return load_bundle(folder)


def _found(folder: Path) -> FoundBundle:
    try:
        return FoundBundle(folder.name, load_bundle(folder))
    except BundleInvalid as error:
        return FoundBundle(folder.name, None, error)


def _is_segmenter(folder: Path) -> bool:
    try:
        document = json.loads(_manifest_bytes(folder))
    except (BundleInvalid, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("kind") == _SEGMENTER_KIND
