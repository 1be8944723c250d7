"""Installed bundles as the desk shows them: what each is, its role, what its validation measured, its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trabecula.data.bundle_location import bundle_roots
from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import Manifest
from trabecula.scoring.activation import Activation, read_activation
from trabecula.scoring.bundles import FoundBundle, find_bundles
from trabecula.scoring.trust import Trust, site_trust
from trabecula.settings import Settings
from trabecula.web.desk.operation import ModelLine

_CARD = "CARD.md"


def model_lines(settings: Settings) -> Sequence[ModelLine]:
    """Return the installed bundles by name, and those in use that are missing. Raises BundleInvalid."""
    activation = read_activation(settings.data_dir)
    trust = site_trust(settings.bundle_keys)
    found = find_bundles(bundle_roots(settings.bundles_dir))
    lines = [_line(item, activation, trust) for item in found]
    for name in sorted(set(activation.models) - {item.model_id for item in found}):
        lines.append(ModelLine(model_id=name, role=str(activation.role(name)), refused="the bundle is missing"))
    return lines


def _line(item: FoundBundle, activation: Activation, trust: Trust) -> ModelLine:
    role = str(activation.role(item.model_id))
    if item.bundle is None:
        return ModelLine(model_id=item.model_id, role=role, refused=item.error.detail if item.error else "unreadable")
    manifest = item.bundle.manifest
    used = activation.models.get(item.model_id)
    return ModelLine(
        model_id=item.model_id,
        version=manifest.version,
        title=manifest.title,
        modality=item.bundle.modality.value,
        kind=manifest.kind.value,
        role=role,
        decides=f"{used.clearance.validation}, by {used.clearance.who}" if used and used.clearance else "",
        verdict=manifest.verdict.value,
        demonstration=manifest.demonstration,
        refused=_doubt(item, trust),
        intended_use=manifest.intended_use,
        not_for=manifest.not_for,
        findings=[
            line for endpoint in manifest.endpoints if endpoint.validation for line in endpoint.validation.findings
        ],
        figures=_figures(manifest),
        sha256=item.bundle.sha256,
        card=_card(item.bundle.folder),
    )


def _doubt(item: FoundBundle, trust: Trust) -> str:
    assert item.bundle is not None
    try:
        trust.provenance(item.bundle)
    except BundleInvalid as error:
        return error.detail
    return ""


def _figures(manifest: Manifest) -> list[tuple[str, str, str]]:
    return [
        (
            endpoint.name.replace("_", " "),
            name.replace("_", " "),
            f"{value.estimate:.3g} (95 % {value.low:.3g} to {value.high:.3g})",
        )
        for endpoint in manifest.endpoints
        for name, value in endpoint.metrics.items()
    ]


def _card(folder: Path) -> str:
    try:
        return (folder / _CARD).read_text("utf-8")
    except OSError:
        return ""
