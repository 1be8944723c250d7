"""The command ``trabecula``: its groups, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.cli import doctor, models
from trabecula.cli.demo import command as demo
from trabecula.cli.edge import prepare_process
from trabecula.cli.output import print_line
from trabecula.cli.quarantine import command as quarantine
from trabecula.cli.results import analyse, segment
from trabecula.cli.serving import child, listen, serve, work
from trabecula.cli.studies import command as studies
from trabecula.supervisor import end_with_supervisor
from trabecula.version import __version__

app = typer.Typer(
    help="Opportunistic bone-density screening from lumbar CT and MR. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print_line(f"trabecula {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Opportunistic bone-density screening from lumbar CT and MR. Research use only."""
    end_with_supervisor()


app.command("serve")(serve.serve)
app.command("listen")(listen.listen)
app.command("work")(work.work)
app.command("demo")(demo.demo)
app.command("analyse")(analyse.analyse)
app.command("segment")(segment.segment)
app.add_typer(studies.app, name="studies")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(models.app, name="models")
app.command("doctor")(doctor.doctor)
app.command("child", hidden=True)(child.child)


def main() -> None:
    """Run the command line."""
    prepare_process()
    typer.main.get_command(app)()
