"""How a long-running command speaks: that it is ready on standard output and in the log, and why it ends."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import structlog

from trabecula.cli.output import EXIT_USAGE, error_console, errors_as_exit_code, print_error, print_line
from trabecula.domain.errors import TrabeculaError

log = structlog.get_logger(__name__)


def tell_started(line: str, event: str, **facts: Any) -> None:
    """Print the line that programs wait for, and log the event."""
    print_line(line)
    log.info(event, **facts)


def serving_errors(configuration: int = EXIT_USAGE) -> AbstractContextManager[None]:
    """Turn an error into an exit code, told in words on a terminal and as a line of the log elsewhere.

    ``configuration`` is the exit code where the settings are at fault.
    """
    return errors_as_exit_code(_tell, configuration=configuration)


def _tell(error: TrabeculaError) -> None:
    if error_console.is_terminal:
        print_error(error)
    else:
        log.error("part.refused", code=error.code, reason=error.sentence, next_step=error.next_step)
