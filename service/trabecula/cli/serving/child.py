"""``trabecula child``: one heavy stage in a process of its own; started by workers, not by people."""

from __future__ import annotations

import contextlib
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

from trabecula.bootstrap.analysing import analyser_of, analysis_store_of
from trabecula.bootstrap.reporting import loader_of, reporter_of
from trabecula.jobs.inside import run_child
from trabecula.logs import configure_logging
from trabecula.pipeline import StageRequest, run_analysis, run_report
from trabecula.settings import load_settings

_FIRST_TO_GO = "500"
"""Added to the badness by which Linux chooses whom to kill when memory ends (proc(5), oom_score_adj): rather this child
than the database or a worker."""


class Verb(StrEnum):
    """What a child can be asked for."""

    ANALYSE = "analyse"
    REPORT = "report"


def child(verb: Verb, request_file: Annotated[Path, typer.Argument(exists=True)]) -> None:
    """Run one stage for the request in a file; an error is left beside it as error.json, with exit code 3."""
    raise typer.Exit(exit_code_of(verb, request_file))


def exit_code_of(verb: Verb, request_file: Path) -> int:
    """Run one stage in this process, which is a child's, and return the exit code it should end with."""

    def work(request: StageRequest) -> None:
        settings = load_settings()
        configure_logging(settings.log_level, part=f"child:{verb}")
        os.nice(5)
        structlog.contextvars.bind_contextvars(study_uid=request.study_uid, revision=request.revision)
        artifacts = analysis_store_of(settings)
        if verb is Verb.ANALYSE:
            run_analysis(request, analyser_of(settings, request.files, outlines=request.outlines), artifacts)
        else:
            run_report(request, loader_of(), reporter_of(settings), artifacts)

    configure_logging(part=f"child:{verb}")
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    return run_child(request_file, work)
