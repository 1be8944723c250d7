"""From the picture object (Secondary Capture, RGB) to a PNG that any viewer shows."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pydicom
from PIL import Image


def write_png(content: bytes, path: Path) -> None:
    """Write the pixels of a Secondary Capture Part 10 file as PNG."""
    Image.fromarray(pydicom.dcmread(BytesIO(content)).pixel_array).save(path)
