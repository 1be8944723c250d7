"""The border of thresholds to TOML: the shipped file, and a site's file laid over it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trabecula.data import content
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.results.thresholds import (
    AttenuationNorm,
    AttenuationThresholds,
    ContrastCorrection,
    ContrastPhase,
    DeformityThresholds,
    FracturePattern,
    FractureRule,
    OvalRegion,
    Thresholds,
    VbqReference,
    VbqThresholds,
)
from trabecula.domain.spine import Level


def load_thresholds(site_file: Path | None = None) -> Thresholds:
    """Return the shipped thresholds, or with ``site_file`` those with the site's values laid over them.

    Raises ConfigurationInvalid for a file that cannot be read or holds a key or a value that does not fit.
    """
    shipped = content("thresholds.toml").decode("utf-8")
    document = tomllib.loads(shipped)
    text = shipped
    if site_file is not None:
        try:
            site = site_file.read_text(encoding="utf-8")
            document = _overlaid(document, tomllib.loads(site), "")
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigurationInvalid(f"thresholds_file {site_file.name}: {error}") from error
        text = shipped + site
    try:
        return _thresholds(document, hashlib.sha256(text.encode()).hexdigest())
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationInvalid(f"thresholds_file: {error!r}") from error


def _overlaid(base: Mapping[str, Any], site: Mapping[str, Any], place: str) -> dict[str, Any]:
    merged = dict(base)
    for key, value in site.items():
        name = f"{place}{key}"
        if key not in base and name != "vbq.site_reference":
            raise ConfigurationInvalid(f"thresholds_file: unknown key {name}")
        inner = base.get(key)
        if isinstance(inner, Mapping) and isinstance(value, Mapping):
            merged[key] = _overlaid(inner, value, f"{name}.")
        elif key in base and isinstance(inner, (int, float)) is not isinstance(value, (int, float)):
            raise ConfigurationInvalid(f"thresholds_file: {name} is not a number")
        else:
            merged[key] = value
    return merged


def _thresholds(document: Mapping[str, Any], digest: str) -> Thresholds:
    attenuation, age = document["attenuation"], document["age"]
    return Thresholds(
        attenuation=_attenuation(attenuation),
        norm=_norm(attenuation["norm"]),
        oval=OvalRegion(**_numbers(attenuation["oval"])),
        vbq=_vbq(document["vbq"]),
        deformity=_deformity(document["deformity"]),
        minimum_age_years=int(age["minimum_years"]),
        young_below_years=int(age["young_below_years"]),
        digest=digest,
    )


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in table.items() if key != "source"}


def _norm(table: Mapping[str, Any]) -> AttenuationNorm:
    numbers = {key: value for key, value in table.items() if key != "level"}
    return AttenuationNorm(level=Level[str(table["level"])], **_numbers(numbers))


def _attenuation(table: Mapping[str, Any]) -> AttenuationThresholds:
    level, category = table["level"], table["category"]
    if category["suspected_at_or_below_hu"] > category["no_flag_above_hu"]:
        raise ValueError("suspected_at_or_below_hu lies above no_flag_above_hu")
    return AttenuationThresholds(
        **_numbers(table["category"]),
        factor_to_120={float(row["kvp"]): float(row["factor_to_120"]) for row in table["tube_voltage"]},
        contrast={
            ContrastPhase(row["phase"]): ContrastCorrection(
                factor=_factor(row["factor"]), lowest=_factor(row["lowest"]), highest=_factor(row["highest"])
            )
            for row in table["contrast"]
        },
        outlier_hu=float(level["outlier_hu"]),
        minimum_levels=int(level["minimum_levels"]),
        least_change_percent=float(table["change"]["least_significant_percent"]),
    )


def _factor(value: object) -> float:
    factor = float(str(value))
    if not factor >= 1:
        raise ValueError("contrast agent multiplies by 1 or more")
    return factor


def _vbq(table: Mapping[str, Any]) -> VbqThresholds:
    references = tuple(
        VbqReference(
            manufacturer_model=str(row["manufacturer_model"]),
            field_strength_t=float(row["field_strength_t"]),
            shortest_tr_ms=float(row["tr_ms"][0]),
            longest_tr_ms=float(row["tr_ms"][1]),
            suspected_at_or_above=float(row["suspected_at_or_above"]),
            no_flag_below=float(row["no_flag_below"]),
        )
        for row in table.get("site_reference", ())
    )
    if any(item.no_flag_below > item.suspected_at_or_above for item in references):
        raise ValueError("no_flag_below lies above suspected_at_or_above")
    return VbqThresholds(
        shortest_tr_ms=float(table["shortest_tr_ms"]),
        longest_tr_ms=float(table["longest_tr_ms"]),
        shortest_te_ms=float(table["shortest_te_ms"]),
        longest_te_ms=float(table["longest_te_ms"]),
        minimum_levels=int(table["minimum_levels"]),
        references=references,
    )


_ALWAYS_TOLD = 0.25
"""No site's file hides a loss from here on (docs/clinical-sources.md 8)."""


def _fracture_rule(row: Mapping[str, Any]) -> FractureRule:
    if row["sex"] not in ("F", "M"):
        raise ValueError("deformity.rule: sex is F or M")
    patterns = tuple(
        FracturePattern(tuple(sorted(map(float, losses), reverse=True)), apart)
        for key, apart in (("patterns", False), ("patterns_apart", True))
        for losses in row.get(key, ())
    )
    if not patterns or not all(pattern.least_losses for pattern in patterns):
        raise ValueError("deformity.rule: a pattern needs losses")
    if any(pattern.apart and len(set(pattern.least_losses)) > 1 for pattern in patterns):
        raise ValueError("deformity.rule: bodies that are apart need the same least loss")
    return FractureRule(str(row["sex"]), float(row["from_age_years"]), patterns)


def _deformity(table: Mapping[str, Any]) -> DeformityThresholds:
    def by_level(name: str) -> dict[str, dict[Level, float]]:
        rows = table[name]
        return {sex: {Level[key]: float(value) for key, value in rows[sex].items()} for sex in ("female", "male")}

    told = float(table["always_told_from_loss"])
    if told > _ALWAYS_TOLD:
        raise ValueError(f"always_told_from_loss lies above {_ALWAYS_TOLD:g}: such a loss is never kept back")
    return DeformityThresholds(
        always_told_from_loss=told,
        exclude_from_grade=int(table["exclude_from_grade"]),
        minimal_loss=float(table["minimal_loss"]),
        losses=(float(table["grade_1_loss"]), float(table["grade_2_loss"]), float(table["grade_3_loss"])),
        rules=tuple(_fracture_rule(row) for row in table["rule"]),
        expected_middle_ratio=float(table["expected_middle_ratio"]),
        expected_wedge_degrees=by_level("expected_wedge_degrees"),
        expected_posterior_mm=by_level("expected_posterior_height_mm"),
    )
