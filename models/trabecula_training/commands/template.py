"""``trabecula-train template``: an empty cohort.csv with every column, and what each of them means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.tables import print_table_to
from trabecula_training.cohort.columns import column_names
from trabecula_training.commands.output import console, errors_as_exit_code, plain_table
from trabecula_training.data import data_file
from trabecula_training.errors import TemplateRefused

app = typer.Typer()


@app.command("template")
def template_command(
    out: Annotated[Path, typer.Argument(dir_okay=False, help="The file to write; one that is there is left alone.")],
) -> None:
    """Write a cohort.csv that has a heading and no patient, and print what its columns mean."""
    with errors_as_exit_code():
        try:
            with out.open("x", encoding="utf-8", newline="") as file:
                file.write(",".join(column_names()) + "\r\n")
        except FileExistsError as error:
            raise TemplateRefused(f"{out.name} is there already") from error
        except OSError as error:
            raise TemplateRefused(f"{out} cannot be written ({error.strerror})") from error
    columns = data_file("cohort_columns.toml")
    rows = [(name, str(entry.get("needed", "")), str(entry["meaning"])) for name, entry in columns.items()]
    print_table_to(console, plain_table(str(out), ("column", "needed", "meaning"), rows))
