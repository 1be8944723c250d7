"""``trabecula studies``: the ledger as admins and coordinators ask it, and what they may do to a study."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace(
        "trabecula.cli.studies.listing:list_",
        "List studies, the newest first; conflicts counts images that came again with other headers.",
    ),
    "show": CommandPlace(
        "trabecula.cli.studies.show:show",
        "Show one study: result, objects, what each destination answered, and its audit trail.",
    ),
    "retry": CommandPlace(
        "trabecula.cli.studies.acting:retry",
        "Run the step that failed again, or go on where a cancelled study stopped; of one study or of all selected.",
    ),
    "cancel": CommandPlace("trabecula.cli.studies.acting:cancel", "Stop a study where it is, or all selected."),
    "resend": CommandPlace(
        "trabecula.cli.studies.acting:resend",
        "Send the newest report of a study, or of all selected, to a destination: again, or for the first time.",
    ),
    "settle": CommandPlace(
        "trabecula.cli.studies.acting:settle", "Take a study as complete without waiting for the quiet time."
    ),
    "prioritise": CommandPlace(
        "trabecula.cli.studies.acting:prioritise",
        "Say how soon a study is worked on: URGENT before all others, ROUTINE, or BULK when nothing else waits.",
    ),
    "export": CommandPlace("trabecula.cli.studies.listing:export", "Export the screening log as CSV (or JSON)."),
    "reprocess": CommandPlace(
        "trabecula.cli.studies.reprocess:reprocess",
        "Measure studies anew as their next revision; a report names the one before it.",
    ),
    "import-references": CommandPlace(
        "trabecula.cli.studies.references:import_references_command",
        "Import reference measurements (DXA, QCT); every line is checked first, and all are written or none.",
    ),
    "name-levels": CommandPlace(
        "trabecula.cli.studies.name_levels:name_levels_command",
        "Name one vertebra as a reader sees it; all others are counted from it.",
    ),
    "recall": CommandPlace(
        "trabecula.cli.studies.recall:recall",
        "Find every result of a model, bundle, segmenter or version; with --reason mark them as recalled.",
    ),
    "delete": CommandPlace(
        "trabecula.cli.studies.deleting:delete", "Delete everything of a study for good; a tombstone stays."
    ),
    "deleted": CommandPlace(
        "trabecula.cli.studies.deleting:deleted", "Show whether a study was deleted: when, by whom, why, and how much."
    ),
    "allow": CommandPlace("trabecula.cli.studies.deleting:allow", "Let a deleted study come again, as a new one."),
    "fetch": CommandPlace(
        "trabecula.cli.studies.fetch:fetch",
        "Have the archive send the removed images of a finished study again, e.g. before `reprocess`.",
    ),
    "adopt": CommandPlace(
        "trabecula.cli.studies.adopt:adopt",
        "Take over the newer headers of images that came again, e.g. with a corrected patient.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="Look into the ledger of studies, and act on them.", no_args_is_help=True
)
