"""CT reconstruction kernels by manufacturer: soft, sharp or unknown, from ``data/kernels.toml``."""

from __future__ import annotations

import re

from trabecula.data import data_file
from trabecula.domain.reconstruction_kernel import KernelClass


def kernel_class(manufacturer: str, kernel: tuple[str, ...]) -> KernelClass:
    """Return the class of Convolution Kernel (0018,1210), whose first value is the vendor's code."""
    if not kernel:
        return KernelClass.UNKNOWN
    for row in data_file("kernels.toml")["kernel"]:
        if row["manufacturer"] and not re.search(row["manufacturer"], manufacturer, re.IGNORECASE):
            continue
        match = re.search(row["pattern"], kernel[0].strip(), re.IGNORECASE)
        if match is None:
            continue
        if "class" in row:
            return KernelClass(row["class"])
        number = int(match[1])
        if row["soft"][0] <= number <= row["soft"][1]:
            return KernelClass.SOFT
        if row["sharp"][0] <= number <= row["sharp"][1]:
            return KernelClass.SHARP
    return KernelClass.UNKNOWN
