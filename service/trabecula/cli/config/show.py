"""``trabecula config show``: every setting, its value and its origin."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from trabecula.cli.output import console, errors_as_exit_code, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.settings import load_settings, unknown_variables
from trabecula.settings.loading import variable_in_words
from trabecula.settings.origins import open_secrets, settings_in_force
from trabecula.settings_file import settings_source


def show(
    changed: Annotated[bool, typer.Option("--changed", help="Only those that are not the default.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show every setting in force and where it comes from, without secrets."""
    with errors_as_exit_code():
        rows = [row for row in settings_in_force(load_settings()) if not changed or row.origin != "default"]
    if as_json:
        print_json({row.name: {"value": row.value, "origin": row.origin} for row in rows})
        return
    console.print(settings_source(), highlight=False)
    print_table("", ("setting", "value", "origin"), ((row.name, _words(row.value), row.origin) for row in rows))
    for name in unknown_variables():
        console.print(f"unused: {variable_in_words(name)}", highlight=False)
    if warning := open_secrets():
        console.print(f"warning: {warning}", highlight=False)


def _words(value: object) -> str:
    if value is None or value in ("", [], {}):
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
