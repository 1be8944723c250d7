"""``trabecula-train template``: an empty cohort.csv or facts.toml, and what each column or key means."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.tables import print_table_to
from trabecula_training.cohort.columns import column_names
from trabecula_training.commands.output import console, errors_as_exit_code, plain_table
from trabecula_training.data import data_file
from trabecula_training.errors import TemplateRefused
from trabecula_training.reporting.facts import facts_template, template_rows

app = typer.Typer()


FACTS_SUFFIX = ".toml"


@app.command("template")
def template_command(
    out: Annotated[
        Path, typer.Argument(dir_okay=False, help="cohort.csv or facts.toml; one that is there is left alone.")
    ],
) -> None:
    """Write a cohort.csv that has a heading and no patient, or (NAME.toml) a facts.toml without answers, and print what
    its columns or keys mean."""
    with errors_as_exit_code():
        if out.suffix.lower() == FACTS_SUFFIX:
            _write(out, facts_template(), "\n")
            headings, rows = ("key", "TRIPOD+AI", "question"), template_rows()
        else:
            _write(out, ",".join(column_names()) + "\n", "\r\n")
            columns = data_file("cohort_columns.toml")
            rows = [(name, str(entry.get("needed", "")), str(entry["meaning"])) for name, entry in columns.items()]
            headings = ("column", "needed", "meaning")
    print_table_to(console, plain_table(str(out), headings, rows))


def _write(out: Path, text: str, line_end: str) -> None:
    """Write a new file. Raises TemplateRefused where there is one, or where it cannot be written."""
    try:
        with out.open("x", encoding="utf-8", newline=line_end) as file:
            file.write(text)
    except FileExistsError as error:
        raise TemplateRefused(f"{out.name} is there already") from error
    except OSError as error:
        raise TemplateRefused(f"{out} cannot be written ({error.strerror})") from error
