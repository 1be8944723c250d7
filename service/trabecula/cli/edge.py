"""The edge of the command line: what is not our error becomes one, with a code and a next step; never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, TracebackType

import psycopg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from trabecula.domain.errors import DatabaseRefused, DatabaseUnavailable, SystemRefused, TrabeculaError

FOREIGN_ERRORS = (OSError, MemoryError, SQLAlchemyError, psycopg.Error)
"""What the world around us raises: disks, sockets, memory and databases. Anything else is a fault of the program."""


def as_ours(error: Exception) -> TrabeculaError:
    """Return the error people see for one of FOREIGN_ERRORS; statements and their values stay out of it."""
    if isinstance(error, TrabeculaError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return SystemRefused(f"{where}{error.strerror or type(error).__name__}")
    if isinstance(error, MemoryError):
        return SystemRefused("no memory is left")
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    lost = isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
    return (DatabaseUnavailable if lost else DatabaseRefused)(_first_line(cause))


def prepare_process() -> None:
    """Give every command usable output, and let SIGTERM and SIGHUP end it in order (the database is left properly).

    A fault of the program itself is told in the same shape as every other error. A closed standard output or error
    (``>&-``) becomes one that nobody reads; a character that the terminal's encoding lacks is escaped instead of
    ending the command.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open for as long as the process lives
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.excepthook = _tell_fault
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def _tell_fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell type and place of a fault; its words may be private, so the whole trace takes TRABECULA_LOG_LEVEL=DEBUG."""
    if issubclass(kind, KeyboardInterrupt) or os.environ.get("TRABECULA_LOG_LEVEL") == "DEBUG":
        sys.__excepthook__(kind, error, trace)
        return
    frames = traceback.extract_tb(trace)[-3:]
    places = ", ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames)
    fault = TrabeculaError(f"{kind.__name__} at {places}")
    sys.stderr.write(f"{fault.code}: {fault.sentence}\n  {fault.next_step}\n")


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines and isinstance(error, psycopg.Error) else type(error).__name__
