"""JPEG 2000 that lost something without saying so in its header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from openjpeg.utils import encode_array
from pydicom import dcmread
from pydicom.encaps import encapsulate

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from trabecula.imaging.headers.codestream import is_irreversible
from trabecula.imaging.headers.frames import read_headers, scan_folder

GEOMETRY = axial((6, 48, 40), (2.5, 1.0, 1.0))
JPEG_2000 = "1.2.840.10008.1.2.4.91"


@pytest.mark.parametrize(("ratio", "lossy"), [(10, True), (None, False)])
def test_the_codestream_tells_whether_something_was_lost(tmp_path: Path, ratio: int | None, lossy: bool) -> None:
    values = np.random.default_rng(3).integers(900, 1300, GEOMETRY.shape)
    write_stack(tmp_path, values, GEOMETRY, {**CT_TAGS, "RescaleIntercept": "-1024"})
    paths = sorted(tmp_path.glob("*.dcm"))
    for path in paths:
        dataset = dcmread(path)
        pixels = dataset.pixel_array.astype(np.uint16)
        kept = {"compression_ratios": [ratio]} if ratio else {}
        coded = encode_array(pixels, photometric_interpretation=2, use_mct=False, **kept)
        dataset.PixelData = encapsulate([bytes(coded)])
        dataset["PixelData"].VR = "OB"
        dataset.file_meta.TransferSyntaxUID = JPEG_2000
        dataset.save_as(path)

    frames, _patient, unreadable = read_headers(scan_folder(tmp_path))

    assert not unreadable
    assert [frame.lossy for frame in frames] == [lossy] * 6
    assert all(is_irreversible(path) is lossy for path in paths)


@pytest.mark.parametrize("content", [b"", b"no codestream", b"\xff\x4f\xff\x51\x00", b"\xff\x4f\xff\x51\xff\x52\x00"])
def test_what_is_no_codestream_lost_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)

    assert not is_irreversible(path)
    assert not is_irreversible(tmp_path / "gone")
