"""``trabecula work``: one worker process for one or more queues."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.working import run_worker
from trabecula.cli.serving.telling import serving_errors, tell_started
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.logs import configure_logging
from trabecula.settings import load_settings
from trabecula.supervisor import EXIT_CONFIGURATION

QUEUES = ("cpu", "io", "sys")


def work(
    queues: Annotated[
        str, typer.Option(help="Comma-separated: cpu (analysis), io (delivery), sys (rescue).")
    ] = ",".join(QUEUES),
    concurrency: Annotated[int, typer.Option(help="Analyses at once (queue cpu); 0 takes the setting `workers`.")] = 0,
) -> None:
    """Work on queued jobs until SIGTERM; running jobs are finished or handed back."""
    chosen = tuple(dict.fromkeys(part.strip() for part in queues.split(",") if part.strip()))
    with serving_errors(configuration=EXIT_CONFIGURATION):
        unknown = sorted(set(chosen) - set(QUEUES))
        if unknown or not chosen:
            raise ConfigurationInvalid(f"--queues: {', '.join(unknown) or 'none'}; known are {', '.join(QUEUES)}")
        settings = load_settings()
        configure_logging(settings.log_level, part=f"work:{','.join(chosen)}")
        at_once = concurrency or settings.workers
        said = f"worker ready: {','.join(chosen)}" + (f" ({at_once} analyses at once)" if "cpu" in chosen else "")
        with opened_database(settings, new=True) as database_url:
            run_worker(
                settings, database_url, chosen, at_once, lambda: tell_started(said, "worker.started", queues=chosen)
            )
