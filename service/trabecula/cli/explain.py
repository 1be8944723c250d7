"""``trabecula explain``: what a code means and what to do, as logs, rows, reports and messages name it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from trabecula.cli.output import console, errors_as_exit_code, print_line
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.domain.errors_of.serving import CodeUnknown
from trabecula.domain.results.reasons import ReasonCode


def explain(
    code: Annotated[str, typer.Argument(help="Code of an error or a reason; without one all of them.")] = "",
    markdown: Annotated[bool, typer.Option("--markdown", help="All of them, as docs/codes.md has them.")] = False,
) -> None:
    """Tell what a code of an error or a reason means, and what to do."""
    if markdown:
        print_line(codes_as_markdown())
        return
    known = dict((*_errors(), *_reasons()))
    with errors_as_exit_code():
        if code and code.upper() not in known:
            raise CodeUnknown(code)
    for name in [code.upper()] if code else known:
        sentence, next_step = known[name]
        console.print(f"{name}: {sentence}", markup=False, highlight=False)
        console.print(f"  {next_step}", markup=False, highlight=False)


def codes_as_markdown() -> str:
    """Return docs/codes.md."""
    return "\n".join(
        [
            "# Codes: what they mean, and what to do",
            "",
            "`trabecula explain CODE` says the same. Written by `trabecula explain --markdown`; a test holds it.",
            "",
            "## Errors: what keeps the service from working",
            "",
            *_table(_errors()),
            "",
            "## Reasons: what was found about a study",
            "",
            "A reason either blocks the measurement or stands beside it as a remark; the result says which.",
            "",
            *_table(_reasons()),
        ]
    )


def _table(rows: Iterator[tuple[str, tuple[str, str]]]) -> Iterator[str]:
    yield from ("| code | means | what to do |", "|---|---|---|")
    for code, (sentence, next_step) in rows:
        yield f"| {code} | {sentence} | {next_step} |".replace("\n", " ")


def _errors() -> Iterator[tuple[str, tuple[str, str]]]:
    for code, kind in sorted(errors_by_code().items()):
        if kind is not TrabeculaError and kind.__module__.startswith("trabecula."):
            yield code, (kind("").sentence, kind.next_step)
    yield TrabeculaError.code, (TrabeculaError("").sentence, TrabeculaError.next_step)


def _reasons() -> Iterator[tuple[str, tuple[str, str]]]:
    for reason in sorted(ReasonCode, key=lambda item: item.name):
        yield reason.name, (reason.sentence, reason.next_step)
