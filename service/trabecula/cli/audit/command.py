"""``trabecula audit``: the log of who looked at person data and who changed anything."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace(
        "trabecula.cli.audit.listing:list_", "List entries, the newest first; also who looked at one patient or study."
    ),
    "verify": CommandPlace(
        "trabecula.cli.audit.verifying:verify_",
        "Tell whether entries were altered, taken away, put in another order, or cut off at the end.",
    ),
    "head": CommandPlace("trabecula.cli.audit.verifying:head", "Seal what waits and print the newest seal."),
    "export": CommandPlace(
        "trabecula.cli.audit.exporting:export",
        "Write sealed entries, the oldest first, one a line: as kept, DICOM or FHIR.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Who looked at what and changed what: list, verify, export, the head.",
    no_args_is_help=True,
)
