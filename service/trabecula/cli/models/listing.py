"""``trabecula models list``: what is installed and in use."""

from __future__ import annotations

from trabecula.cli.models.installed import roots_of, tell_none, trust_of
from trabecula.cli.output import (
    errors_as_exit_code,
    print_json,
    print_table,
)
from trabecula.cli.study_options import AsJson
from trabecula.domain.errors import BundleInvalid
from trabecula.scoring.activation import (
    Activation,
    read_activation,
)
from trabecula.scoring.bundles import FoundBundle, find_bundles
from trabecula.scoring.trust import Trust
from trabecula.settings import load_settings


def list_(as_json: AsJson = False) -> None:
    """List the installed bundles and what each is used for."""
    with errors_as_exit_code():
        settings = load_settings()
        activation = read_activation(settings.data_dir)
        rows = _rows(find_bundles(roots_of(settings)), activation, trust_of(settings))
    if as_json:
        print_json(rows)
        return
    if not rows:
        tell_none(roots_of(settings))
        return
    columns = ("model", "version", "modality", "role", "decides", "kind", "verdict", "note")
    print_table("", columns, [[row[name] for name in columns] for row in rows])


def _rows(found: tuple[FoundBundle, ...], activation: Activation, trust: Trust) -> list[dict[str, str]]:
    rows = []
    for item in found:
        manifest = item.bundle.manifest if item.bundle else None
        rows.append(
            {
                "model": item.model_id,
                "version": manifest.version if manifest else "",
                "modality": item.bundle.modality.value if item.bundle else "",
                "role": activation.role(item.model_id).value,
                "decides": _decides(activation, item.model_id),
                "kind": manifest.kind.value if manifest else "",
                "verdict": manifest.verdict.value if manifest else "",
                "note": _note(item, trust),
            }
        )
    absent = sorted(set(activation.models) - {item.model_id for item in found})
    rows += [
        {
            "model": name,
            "version": "",
            "modality": "",
            "role": activation.role(name).value,
            "decides": _decides(activation, name),
            "kind": "",
            "verdict": "",
            "note": "MISSING",
        }
        for name in absent
    ]
    return rows


def _decides(activation: Activation, model_id: str) -> str:
    used = activation.models.get(model_id)
    return "yes" if used is not None and used.clearance is not None else "no"


def _note(item: FoundBundle, trust: Trust) -> str:
    if item.bundle is None:
        return f"REFUSED: {item.error.detail if item.error else ''}"
    try:
        trust.provenance(item.bundle)
    except BundleInvalid as error:
        return f"REFUSED: {error.detail}"
    return "demonstration: trained on phantoms" if item.bundle.manifest.demonstration else ""
