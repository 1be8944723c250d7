"""The border of volume files: NIfTI, NRRD, MHA and Analyze to Volume, and label maps back onto the file's own grid.

NIfTI speaks RAS with arrays ``[i, j, k]``, we speak LPS with arrays ``[slice, row, column]``; NRRD and MHA are read by
SimpleITK, which speaks LPS. What is odd in a header is mended where its meaning is plain, else refused.
"""

from __future__ import annotations

import warnings
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK
from numpy.typing import NDArray

from trabecula.domain.errors import GeometryInvalid, InputUnreadable
from trabecula.domain.modality import Modality
from trabecula.domain.volume import FloatArray, Geometry, Volume
from trabecula.imaging.volumes.file_headers import nifti_affine, slice_axis, usable_affine

nib: Any = nibabel
itk: Any = SimpleITK

NIFTI_SUFFIXES = (".nii", ".nii.gz", ".hdr", ".img", ".hdr.gz", ".img.gz")
ITK_SUFFIXES = (".nrrd", ".nhdr", ".mha", ".mhd")
VOLUME_SUFFIXES = NIFTI_SUFFIXES + ITK_SUFFIXES
LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

_MAX_VOXELS = 2_000_000_000
_CT_HAS_VALUES_BELOW = -200.0
_READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    RuntimeError,
    zlib.error,
)


@dataclass(frozen=True, eq=False, kw_only=True)
class VolumeFile:
    """A volume and how it lay in its file.

    ``axes`` are the file axes (0 = i, 1 = j, 2 = k) that became slice, row and column. ``shape`` are the file's
    spatial sizes (two for a flat image), ``affine`` its RAS affine in mm. ``oriented`` is False where the file says
    nothing of the patient's axes; ``modality_guessed`` where the modality was read from the intensities.
    """

    volume: Volume
    axes: tuple[int, int, int]
    shape: tuple[int, ...]
    affine: FloatArray
    oriented: bool
    modality_guessed: bool


def is_volume_file(path: Path) -> bool:
    """True where the name says NIfTI, NRRD, MHA or Analyze."""
    return path.name.lower().endswith(VOLUME_SUFFIXES)


def read_volume_file(path: Path, modality: Modality | None = None) -> VolumeFile:
    """Read one volume. Raises InputUnreadable for what is not an image, GeometryInvalid for what has no geometry.

    Without a ``modality`` it is CT where the intensities reach below -200, else MR.
    """
    if path.name.lower().endswith(ITK_SUFFIXES):
        data, affine, oriented = _read_itk(path)
    else:
        data, affine, oriented = _read_nifti(path)
    shape = data.shape
    cube = data.reshape(*shape, *(1,) * (3 - len(shape)))
    axes = slice_axis((cube.shape[0], cube.shape[1], cube.shape[2]), affine)
    array = np.ascontiguousarray(cube.transpose(axes), dtype=np.float32)
    invalid = ~np.isfinite(array)
    padding = invalid if invalid.any() else None
    if padding is not None:
        array[invalid] = array[~invalid].min() if not invalid.all() else 0.0
    geometry = _geometry(array.shape, affine, axes)
    guess = Modality.CT if float(array.min()) < _CT_HAS_VALUES_BELOW else Modality.MR
    volume = Volume(array=array, geometry=geometry, modality=modality or guess, padding=padding)
    return VolumeFile(
        volume=volume, axes=axes, shape=shape, affine=affine, oriented=oriented, modality_guessed=modality is None
    )


def sagittal_readings(source: VolumeFile) -> tuple[VolumeFile, ...]:
    """Return what an image may be: itself, or for one flat image without orientation its usual sagittal readings.

    These are rows downward with columns to posterior (a picture stored as ``[row, column]``), and NIfTI's custom of i
    to posterior, j upward.
    """
    if source.oriented or source.volume.array.shape[0] != 1:
        return (source,)
    by_axis = dict(zip(source.axes, source.volume.geometry.spacing_mm, strict=True))
    first, second = sorted(source.axes[1:])
    readings = []
    for first_to, second_to in (((0.0, 0.0, -1.0), (0.0, 1.0, 0.0)), ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0))):
        lps = np.eye(4)
        lps[:3, source.axes[0]] = np.array([1.0, 0.0, 0.0]) * by_axis[source.axes[0]]
        lps[:3, first] = np.array(first_to) * by_axis[first]
        lps[:3, second] = np.array(second_to) * by_axis[second]
        geometry = _geometry(source.volume.array.shape, LPS_FROM_RAS @ lps, source.axes)
        readings.append(replace(source, volume=replace(source.volume, geometry=geometry)))
    return tuple(readings)


def write_label_file(path: Path, labels: NDArray[np.uint8], source: VolumeFile) -> None:
    """Write labels ``[slice, row, column]`` on the grid, shape and affine of the file they belong to.

    The suffix of ``path`` chooses NIfTI, NRRD or MHA. Raises InputUnreadable where it is none of them.
    """
    inverse = np.argsort(source.axes)
    cube = np.ascontiguousarray(labels.transpose(inverse))
    _write(path, cube.reshape(source.shape), source.affine)


def write_labels_of(path: Path, labels: NDArray[np.uint8], geometry: Geometry) -> None:
    """Write labels of a volume that came from DICOM, as ``[column, row, slice]`` in RAS."""
    _write(path, np.ascontiguousarray(labels.transpose(2, 1, 0)), ras_affine(geometry))


def write_nifti_image(path: Path, volume: Volume) -> None:
    """Write the intensities of a volume as NIfTI, for programs outside."""
    image = nib.Nifti1Image(volume.array.transpose(2, 1, 0), ras_affine(volume.geometry))
    image.header.set_xyzt_units("mm")
    nib.save(image, path)


def ras_affine(geometry: Geometry) -> FloatArray:
    """Return the NIfTI affine of ``array.transpose(2, 1, 0)``."""
    return np.asarray(LPS_FROM_RAS @ geometry.affine[:, [2, 1, 0, 3]])


def read_labels_on(path: Path, geometry: Geometry) -> NDArray[np.int32]:
    """Read a label image that must lie on ``geometry``; axes may be permuted or flipped.

    Raises InputUnreadable where it is no image, GeometryInvalid where it lies on another grid.
    """
    data, affine, _ = _read_itk(path) if path.name.lower().endswith(ITK_SUFFIXES) else _read_nifti(path)
    cube = data.reshape(*data.shape, *(1,) * (3 - data.ndim))
    step = np.linalg.inv(geometry.affine) @ LPS_FROM_RAS @ affine
    turn = np.round(step[:3, :3])
    exact = np.abs(step[:3, :3] - turn).max() * max(cube.shape) < 0.5
    if not exact or not np.array_equal(np.abs(turn).sum(0), np.ones(3)) or abs(abs(np.linalg.det(turn)) - 1) > 1e-6:
        raise GeometryInvalid(f"{path.name} does not lie on the grid of the image")
    order = np.argmax(np.abs(turn), axis=1)
    labels = cube.transpose(order)
    origin = step[:3, 3].copy()
    for axis in range(3):
        if turn[axis, order[axis]] < 0:
            labels = np.flip(labels, axis)
            origin[axis] -= labels.shape[axis] - 1
    if labels.shape != geometry.shape or np.abs(origin).max() > 0.5:
        raise GeometryInvalid(f"{path.name} has {labels.shape} voxels, the image {geometry.shape}")
    return np.ascontiguousarray(np.rint(labels), dtype=np.int32)


def _geometry(shape: tuple[int, ...], affine: FloatArray, axes: tuple[int, int, int]) -> Geometry:
    lps = LPS_FROM_RAS @ affine
    try:
        return Geometry((shape[0], shape[1], shape[2]), lps[:, [*axes, 3]])
    except ValueError as error:
        raise GeometryInvalid(str(error)) from error


def _read_nifti(path: Path) -> tuple[NDArray[np.float32], FloatArray, bool]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = nib.load(path)
            shape = _spatial_shape(image.shape, path)
            if image.get_data_dtype().fields is not None or np.issubdtype(image.get_data_dtype(), np.complexfloating):
                raise InputUnreadable(f"{path.name} holds colours or complex numbers, not intensities")
            affine, oriented = nifti_affine(image)
            data = np.asarray(image.dataobj, dtype=np.float32).reshape(shape)
    except (nib.filebasedimages.ImageFileError, nib.spatialimages.HeaderDataError, *_READ_ERRORS) as error:
        raise InputUnreadable(f"{path.name}: {_first_line(error)}") from error
    return data, usable_affine(affine, len(shape)), oriented


def _read_itk(path: Path) -> tuple[NDArray[np.float32], FloatArray, bool]:
    reader = itk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _spatial_shape(tuple(int(size) for size in reader.GetSize()), path)
        if reader.GetNumberOfComponents() != 1:
            raise InputUnreadable(f"{path.name} holds vectors or colours, not intensities")
        image = reader.Execute()
    except _READ_ERRORS as error:
        raise InputUnreadable(f"{path.name}: {_first_line(error)}") from error
    data = itk.GetArrayFromImage(image).T.astype(np.float32)
    dimension = min(image.GetDimension(), 3)
    lps = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(image.GetDimension(), -1)[:dimension, :dimension]
    lps[:dimension, :dimension] = directions * np.array(image.GetSpacing()[:dimension])
    lps[:dimension, 3] = image.GetOrigin()[:dimension]
    shape = _spatial_shape(data.shape, path)
    return data.reshape(shape), usable_affine(LPS_FROM_RAS @ lps, len(shape)), dimension == 3


def _spatial_shape(shape: tuple[int, ...], path: Path) -> tuple[int, ...]:
    """The first three sizes; further ones must be 1."""
    if len(shape) < 2 or min(shape) < 1 or int(np.prod(shape, dtype=np.float64)) > _MAX_VOXELS:
        raise InputUnreadable(f"{path.name} has the sizes {shape}, not those of a volume")
    if any(size > 1 for size in shape[3:]):
        raise InputUnreadable(f"{path.name} holds {int(np.prod(shape[3:]))} volumes, not one")
    return shape[:3]


def _write(path: Path, data: NDArray[np.uint8], affine: FloatArray) -> None:
    name = path.name.lower()
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith((".nii", ".nii.gz")):
        image = nib.Nifti1Image(data, affine)
        image.header.set_xyzt_units("mm")
        image.header.set_intent("label")
        nib.save(image, path)
    elif name.endswith(ITK_SUFFIXES):
        labels = itk.GetImageFromArray(data.T)
        lps = LPS_FROM_RAS @ affine
        spacing = np.linalg.norm(lps[:3, :3], axis=0)[: data.ndim]
        labels.SetSpacing([float(step) for step in spacing])
        labels.SetOrigin([float(value) for value in lps[: data.ndim, 3]])
        if data.ndim == 3:
            labels.SetDirection([float(value) for value in (lps[:3, :3] / spacing).ravel()])
        itk.WriteImage(labels, str(path), useCompression=True)
    else:
        raise InputUnreadable(f"labels can be written as .nii.gz, .nii, .nrrd or .mha, not as {path.name}")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
