"""What the Image Biomarker Standardisation Initiative asks to be told of an extraction; written into every bundle."""

from __future__ import annotations

from importlib.metadata import version

from trabecula.scoring.radiomics.feature_set import FeatureSet

_SOFTWARE = "pyradiomics-cuda"


def ibsi_facts(settings: FeatureSet) -> dict[str, str]:
    """Return the facts of a feature set: software, intensities, grid, discretisation, filters and known deviations."""
    low, high = settings.percentiles
    start, end = settings.scale
    spacing = " x ".join("acquired" if step == 0 else f"{step:g} mm" for step in settings.spacing_mm)
    where = "in sagittal planes" if settings.in_plane else "in three dimensions"
    return {
        "software": f"{_SOFTWARE} {version(_SOFTWARE)} (code of pyradiomics), SimpleITK {version('SimpleITK')}",
        "feature set": f"{settings.name}, {len(settings.names)} features per level",
        "region": settings.region,
        "intensities": f"percentiles {low:g} and {high:g} over {settings.over.value} to {start:g}-{end:g}, clipped",
        "re-segmentation": "none",
        "grid": f"{spacing} (z, y, x), cubic B-spline, corners aligned; mask by nearest neighbour",
        "discretisation": f"fixed bin width {settings.bin_width:g}",
        "texture": f"{where}, distance {', '.join(map(str, settings.distances))}, no weighting, mean over directions",
        "filters": f"LoG sigma {', '.join(f'{sigma:g}' for sigma in settings.log_sigma_mm)} mm, "
        f"one undecimated step of {settings.wavelet}, {where}",
        "deviations": "bins start at a multiple of the width below the minimum; kurtosis is not reduced by 3; energy "
        "without voxel shift; TotalEnergy is additional",
    }
