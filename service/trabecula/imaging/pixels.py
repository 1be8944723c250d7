"""The stored pixel values of one frame, whatever its transfer syntax, and why they cannot be decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import JPEGExtended12Bit

from trabecula.domain.errors import PixelDataUndecodable
from trabecula.domain.study.activity import doing, series_in_words
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.headers.frames import READ_ERRORS, lenient
from trabecula.imaging.pixel_cells import BitsContradict, apart, values_of_cells

DECODE_ERRORS = (*READ_ERRORS, RuntimeError, ArithmeticError, MemoryError)

Stored = NDArray[np.integer[Any]]
Cache = dict[str, tuple[Dataset, Stored]]


def stored_values(frame: Frame, cache: Cache | None = None) -> tuple[Dataset, Stored]:
    """Return the data set of a frame and its stored values ``[row, column]``. Raises PixelDataUndecodable.

    A multi-frame file is decoded once and kept in ``cache``.
    """
    kept = {} if cache is None else cache
    path, made = frame.file.path, frame.acquisition
    doing(f"decoding {series_in_words(made.series_number, made.series_uid)}, image {frame.file.sop_instance_uid}")
    try:
        with lenient():
            if path in kept:
                dataset, pixels = kept[path]
            else:
                dataset = pydicom.dcmread(path)
                pixels = _decoded(dataset, path)
                if frame.number is not None:
                    kept[path] = (dataset, pixels)
        if frame.number is None:
            values = pixels
        else:
            values = (pixels if pixels.ndim == 3 else pixels[np.newaxis])[frame.number - 1]
    except BitsContradict as error:
        raise PixelDataUndecodable(f"{error}; {_named(frame)}") from error
    except DECODE_ERRORS as error:
        raise PixelDataUndecodable(f"{type(error).__name__}; {_named(frame)}") from error
    if values.shape != (frame.rows, frame.columns):
        raise PixelDataUndecodable(f"pixels of {values.shape}, not {frame.rows} x {frame.columns}; {_named(frame)}")
    return dataset, values


def _named(frame: Frame) -> str:
    """The image as people find it again: file, SOP Instance UID and transfer syntax; never a folder."""
    syntax = pydicom.uid.UID(frame.transfer_syntax_uid)
    told = f"{syntax.name} {syntax}" if syntax.is_transfer_syntax and syntax.name != syntax else f"{syntax or 'none'}"
    number = f", frame {frame.number}" if frame.number else ""
    return (
        f"file {Path(frame.file.path).name}, SOP Instance UID {frame.file.sop_instance_uid}{number}, "
        f"transfer syntax {told}"
    )


def _decoded(dataset: Dataset, path: str) -> Stored:
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and meta.get("TransferSyntaxUID") == JPEGExtended12Bit and dataset.get("BitsStored", 8) > 8:
        return _by_gdcm(dataset, path)
    if apart(dataset):
        return values_of_cells(dataset)
    return np.asarray(pixel_array(dataset, raw=True))


def _by_gdcm(dataset: Dataset, path: str) -> Stored:
    """Decode JPEG Extended of 12 bits (PS3.5 8.2.1) with GDCM itself: pydicom's plug-in for it takes 8 bits only.

    Raises RuntimeError where GDCM does not read the file, ValueError where its answer has another size.
    """
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(path)
    if not reader.Read():
        raise RuntimeError("GDCM cannot read the image")
    buffer: str = reader.GetImage().GetBuffer()
    signed = int(dataset.get("PixelRepresentation", 0)) == 1
    values = np.frombuffer(buffer.encode("utf-8", "surrogateescape"), dtype="<i2" if signed else "<u2")
    frames = int(dataset.get("NumberOfFrames", 1) or 1)
    shape = (int(dataset.Rows), int(dataset.Columns))
    return values.reshape((frames, *shape) if frames > 1 else shape)
