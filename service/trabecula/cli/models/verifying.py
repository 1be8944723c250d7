"""``trabecula models verify``: whether bundles are whole, believed and answer."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.cli.models.installed import roots_of, tell_none, trust_of
from trabecula.cli.output import (
    EXIT_FAILURE,
    errors_as_exit_code,
    print_json,
    print_table,
)
from trabecula.cli.study_options import AsJson
from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.scoring.bundles import FoundBundle, find_bundles
from trabecula.scoring.scorers import check_runs
from trabecula.scoring.trust import Trust
from trabecula.settings import load_settings


def verify(
    model_id: Annotated[str, typer.Argument(help="One bundle; default all.")] = "", as_json: AsJson = False
) -> None:
    """Check bundles against their manifests, whether they ship or are signed, and that their graphs answer.

    Exit code 1 if one fails.
    """
    with errors_as_exit_code():
        settings = load_settings()
        found = [item for item in find_bundles(roots_of(settings)) if model_id in ("", item.model_id)]
        if model_id and not found:
            raise BundleUnknown(model_id)
        checks = [_checked(item, trust_of(settings)) for item in found]
    if as_json:
        print_json({"ok": all(row["ok"] for row in checks), "bundles": checks})
    elif not checks:
        tell_none(roots_of(settings))
    else:
        print_table(
            "",
            ("model", "", "detail"),
            [(row["model"], "ok" if row["ok"] else "REFUSED", row["detail"]) for row in checks],
        )
    if not all(row["ok"] for row in checks):
        raise typer.Exit(EXIT_FAILURE)


def _checked(item: FoundBundle, trust: Trust) -> dict[str, object]:
    if item.bundle is None:
        error = item.error or BundleInvalid("")
        return {"model": item.model_id, "ok": False, "code": error.code, "detail": error.detail}
    try:
        check_runs(item.bundle)
        provenance = trust.provenance(item.bundle)
    except BundleInvalid as error:
        return {"model": item.model_id, "ok": False, "code": error.code, "detail": error.detail}
    manifest = item.bundle.manifest
    vectors = f"{len(manifest.check_vectors)} check vectors" if manifest.check_vectors else "no check vectors"
    told = f"{provenance}, {len(manifest.files)} files, {vectors}, sha256 {item.bundle.sha256}"
    return {"model": item.model_id, "ok": True, "code": "", "detail": told}
