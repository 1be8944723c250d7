"""The edge of the command line: what is not our error becomes one, with a code and a next step; never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType, TracebackType

from trabecula.domain.errors import DatabaseRefused, DatabaseUnavailable, SystemRefused, TrabeculaError


def foreseen_errors() -> tuple[type[Exception], ...]:
    """Return our errors and what the world around us raises: disks, sockets, memory, databases. Others are faults.

    A library that is not loaded cannot have raised anything, and is not loaded for asking.
    """
    kinds: list[type[Exception]] = [TrabeculaError, OSError, MemoryError]
    for module, name in (("psycopg", "Error"), ("sqlalchemy.exc", "SQLAlchemyError")):
        if module in sys.modules:
            kinds.append(getattr(sys.modules[module], name))
    return tuple(kinds)


def as_ours(error: Exception) -> TrabeculaError:
    """Return the error people see for one of ``foreseen_errors()``; statements and their values stay out of it."""
    if isinstance(error, TrabeculaError):
        return error
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return SystemRefused(f"{where}{error.strerror or type(error).__name__}")
    if isinstance(error, MemoryError):
        return SystemRefused("no memory is left")
    return _of_database(error)


def _of_database(error: Exception) -> TrabeculaError:
    import psycopg

    cause: BaseException = getattr(error, "orig", None) or error  # SQLAlchemy wraps what psycopg raised
    said = str(cause).strip() if isinstance(cause, psycopg.Error) else ""
    lost = isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError))
    return (DatabaseUnavailable if lost else DatabaseRefused)(said.splitlines()[0] if said else type(cause).__name__)


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
