"""Reconstruction kernels of the vendors."""

from __future__ import annotations

import pytest

from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.series.kernels import kernel_class


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "expected"),
    [
        ("SIEMENS", ("B30f",), KernelClass.SOFT),
        ("Siemens Healthineers", ("Br40d", "3"), KernelClass.SOFT),
        ("SIEMENS", ("I31f", "2"), KernelClass.SOFT),
        ("SIEMENS", ("B70s",), KernelClass.SHARP),
        ("SIEMENS", ("Br59d",), KernelClass.SHARP),
        ("SIEMENS", ("Hr60",), KernelClass.SHARP),
        ("GE MEDICAL SYSTEMS", ("STANDARD",), KernelClass.SOFT),
        ("GE MEDICAL SYSTEMS", ("BONEPLUS",), KernelClass.SHARP),
        ("GE MEDICAL SYSTEMS", ("STD+",), KernelClass.SOFT),
        ("Philips", ("B",), KernelClass.SOFT),
        ("Philips", ("YB",), KernelClass.SOFT),
        ("Philips", ("YC",), KernelClass.SHARP),
        ("TOSHIBA", ("FC08",), KernelClass.SOFT),
        ("TOSHIBA", ("FC30",), KernelClass.SHARP),
        ("Canon Medical Systems", ("FC81",), KernelClass.SHARP),
        ("UIH", ("B_SOFT_B",), KernelClass.SOFT),
        ("TOSHIBA", ("FL03",), KernelClass.UNKNOWN),
        ("SIEMENS", (), KernelClass.UNKNOWN),
        ("Nobody", ("X1",), KernelClass.UNKNOWN),
        ("Nobody", ("Bone sharp",), KernelClass.SHARP),
    ],
)
def test_vendors_kernels_are_told_apart(manufacturer: str, kernel: tuple[str, ...], expected: KernelClass) -> None:
    assert kernel_class(manufacturer, kernel) is expected
