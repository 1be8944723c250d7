"""``trabecula child``: one heavy stage in a process of its own; started by workers, not by people."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import structlog
import typer

from trabecula import bootstrap
from trabecula.domain.errors import TrabeculaError
from trabecula.logs import configure_logging
from trabecula.pipeline import StageRequest, run_analysis, run_report
from trabecula.pipeline.requests import ERROR_EXIT_CODE, write_error
from trabecula.settings import load_settings

log = structlog.get_logger(__name__)


class Verb(StrEnum):
    """What a child can be asked for."""

    ANALYSE = "analyse"
    REPORT = "report"


def child(verb: Verb, request_file: Annotated[Path, typer.Argument(exists=True)]) -> None:
    """Run one stage for the request in a file; an error is left beside it as error.json, with exit code 3."""
    try:
        settings = load_settings()
        configure_logging(settings.log_level, part=f"child:{verb}")
        os.nice(5)
        request = StageRequest.read(request_file)
        structlog.contextvars.bind_contextvars(study_uid=request.study_uid, revision=request.revision)
        artifacts = bootstrap.artifacts_of(settings)
        if verb is Verb.ANALYSE:
            run_analysis(request, bootstrap.analyser_of(settings, request.files), artifacts)
        else:
            run_report(request, bootstrap.loader_of(), bootstrap.reporter_of(settings), artifacts)
    except TrabeculaError as error:
        log.warning("stage.failed", code=error.code, detail=error.detail)
        write_error(request_file.parent, error)
        raise typer.Exit(ERROR_EXIT_CODE) from error
