"""The border of bundle manifests to JSON: strict; what does not fit is a BundleInvalid naming the field."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import MANIFEST_VERSION, MODEL_NAME, BundleKind, Manifest, TrainingRange
from trabecula.domain.models.conditioning import Conditioning
from trabecula.domain.spine import MEASURED_LEVELS, Level

_MODEL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CROP_SIZES = (8, 1024)
"""Smallest and largest side of a crop in pixels: below there is no picture, above only a mistake."""
_PICTURE_VALUES = 3
"""Grey, contrast and period of a made-up picture (``CheckVector``)."""


def manifest_to_bytes(manifest: Manifest) -> bytes:
    """Return ``manifest.json``: UTF-8, stable key order, so that the same manifest gives the same bytes."""
    return json.dumps(_encode(manifest), indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def manifest_from_bytes(content: bytes) -> Manifest:
    """Return the manifest of ``manifest.json``. Raises BundleInvalid naming the field for anything else."""
    try:
        document = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BundleInvalid(f"the manifest is not JSON ({error})") from error
    if isinstance(document, dict) and document.get("manifest_version") != MANIFEST_VERSION:
        raise BundleInvalid(f"manifest_version is {document.get('manifest_version')!r}, not {MANIFEST_VERSION}")
    manifest: Manifest = _decode(Manifest, document, "manifest")
    _check(manifest)
    return manifest


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _encode(value: object) -> Any:
    if isinstance(value, Level):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: _encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _encode(value[key]) for key in sorted(value)}
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def _decode(kind: Any, value: Any, place: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _decode(arguments[0], value, place)
    if origin is tuple:
        return _decode_tuple(arguments, value, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, dict):
            raise BundleInvalid(f"{place} is not an object")
        return {key: _decode(arguments[1], item, f"{place}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _decode_dataclass(kind, value, place)
    return _decode_scalar(kind, value, place)


def _decode_scalar(kind: Any, value: Any, place: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return Level[value] if kind is Level else kind(value)
        except (KeyError, ValueError, TypeError) as error:
            raise BundleInvalid(f"{place} is {value!r}, which is no {kind.__name__}") from error
    if kind is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    elif type(value) is kind:
        return value
    raise BundleInvalid(f"{place} is not a {kind.__name__}")


def _decode_tuple(arguments: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise BundleInvalid(f"{place} is not a list")
    kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
    if len(kinds) != len(value):
        raise BundleInvalid(f"{place} has {len(value)} items, not {len(kinds)}")
    return tuple(
        _decode(kind, item, f"{place}[{number}]") for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
    )


def _decode_dataclass(kind: type, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise BundleInvalid(f"{place} is not an object")
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise BundleInvalid(f"{place}.{unknown[0]} is not a known field")
    missing = [name for name, item in fields.items() if name not in value and _required(item)]
    if missing:
        raise BundleInvalid(f"{place}.{missing[0]} is missing")
    return kind(**{name: _decode(hints[name], item, f"{place}.{name}") for name, item in value.items()})


def _required(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING


def _check(manifest: Manifest) -> None:
    """Raise BundleInvalid where the fields contradict one another."""
    _demand(_MODEL_ID.fullmatch(manifest.model_id) is not None, "model_id has other characters than a-z 0-9 . _ -")
    _demand(all(_SHA256.fullmatch(sha) for sha in manifest.files.values()), "files holds something that is no SHA-256")
    _demand(MODEL_NAME in manifest.files, f"files does not name {MODEL_NAME}")
    _demand(all("/" not in name and "\\" not in name for name in manifest.files), "files names a path, not a file")
    _demand(len(manifest.endpoints) > 0, "endpoints is empty")
    _demand(len(manifest.inputs) > 0, "inputs is empty")
    for field in ("version", "title", "intended_use", "licence", "regions"):
        _demand(bool(getattr(manifest, field).strip()), f"{field} is empty")
    for endpoint in manifest.endpoints:
        points = {point.name for point in endpoint.operating_points}
        _demand(endpoint.primary in points, f"{endpoint.name}: primary is none of its operating points")
        _demand("auc" in endpoint.metrics, f"{endpoint.name}: metrics holds no auc")
    for vector in manifest.check_vectors:
        _demand(len(vector.probabilities) == len(manifest.endpoints), "check_vectors do not answer every endpoint")
        _demand(all(0.0 <= item <= 1.0 for item in vector.probabilities), "check_vectors hold no probabilities")
    _demand(bool(manifest.feature_settings_sha256), "feature_settings_sha256 is empty")
    if manifest.kind is BundleKind.RADIOMICS:
        _check_radiomics(manifest)
    else:
        _check_images(manifest)


def _check_images(manifest: Manifest) -> None:
    image, limits = manifest.image, manifest.training_range
    _demand(image is not None, "image is missing for a CNN")
    _demand(limits is not None, "training_range is missing for a CNN")
    _demand(manifest.conditioning is None, "conditioning is given for a CNN")
    assert image is not None
    assert limits is not None
    _demand(len(manifest.roles) == 1, "inputs of a CNN are not of one series")
    low, high = _CROP_SIZES
    _demand(low <= image.size <= high, f"image.size is not from {low} to {high}")
    _demand(image.channels in (1, 3), "image.channels is neither 1 nor 3")
    _demand(1 <= image.min_levels <= len(MEASURED_LEVELS), "image.min_levels is no number of levels")
    _check_range(limits, len(image.statistics))
    _demand(
        all(len(vector.values) == _PICTURE_VALUES for vector in manifest.check_vectors),
        "check_vectors describe no picture",
    )


def _check_radiomics(manifest: Manifest) -> None:
    layout, limits = manifest.layout, manifest.training_range
    _demand(layout is not None, "layout is missing for radiomics")
    _demand(limits is not None, "training_range is missing for radiomics")
    assert layout is not None
    assert limits is not None
    _demand(layout.roles == manifest.roles, "layout.roles differ from the roles of inputs")
    _check_range(limits, len(layout.columns))
    used = len(limits.used)
    _demand(
        all(len(vector.values) == used for vector in manifest.check_vectors), "check_vectors do not fit the columns"
    )
    if manifest.conditioning is not None:
        _check_conditioning(manifest.conditioning)


def _check_conditioning(made: Conditioning) -> None:
    _demand(0.0 <= made.max_missing_fraction <= 1.0, "conditioning.max_missing_fraction is no fraction")
    _demand(
        bool(made.batches) == (made.batch is not None), "conditioning names a batch without batches, or the reverse"
    )
    devices = [device for batch in made.batches for device in batch.devices]
    _demand(len(devices) == len(set(devices)), "conditioning names a device in two batches")


def _check_range(limits: TrainingRange, columns: int) -> None:
    used = len(limits.used)
    _demand(all(0 <= column < columns for column in limits.used), "training_range.used names no column")
    for name in ("mean", "sd", "low", "high"):
        _demand(len(getattr(limits, name)) == used, f"training_range.{name} has not one number per used column")
    _demand(all(value > 0 for value in limits.sd), "training_range.sd holds a number that is not positive")
    _demand(len(limits.precision) == used * used, "training_range.precision is not used x used")


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise BundleInvalid(otherwise)


__all__ = ["manifest_from_bytes", "manifest_to_bytes"]
