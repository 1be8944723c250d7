"""What a fork server has ready for its children beside imports: tables of the package and of highdicom, read once.

Only what is the same for every study may be read here: no settings, no bundle, nothing of a study.
"""

from __future__ import annotations

from highdicom import _standard_utils as standard

from trabecula.data import data_file

_TABLES = ("codes", "gates", "kernels", "label_maps", "references", "regions", "thresholds", "tokens", "vertebra_codes")


def warm() -> None:
    """Read every table that an analysis or a report looks into; those of highdicom alone take half a second."""
    for name in _TABLES:
        data_file(f"{name}.toml")
    standard.get_sop_class_iod_map()
    standard.get_iod_module_map()
    standard.get_module_attribute_map()
