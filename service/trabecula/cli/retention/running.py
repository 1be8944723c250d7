"""``trabecula retention run``: remove now what the rules let go, or list it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from trabecula.bootstrap.keeping.retention import retention_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.retention.showing import mib
from trabecula.cli.study_options import AsJson, operator
from trabecula.domain.errors_of.retention import BackupRunning
from trabecula.logs import command_log
from trabecula.pipeline.retention.removing import due_files, remove_due


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go; remove nothing.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many studies or revisions.")] = sys.maxsize,
    as_json: AsJson = False,
) -> None:
    """Remove now what the rules let go; the service does the same every ten minutes."""
    with opened_ledger() as (settings, engine):
        retention = retention_of(settings, engine)
        if dry_run:
            due = due_files(retention, min(limit, 2**31))[:limit]
            rows = [(item.study_uid, item.kind.lower(), item.revision or "", mib(item.size_bytes)) for item in due]
            if as_json:
                keys = ("study_uid", "kind", "revision", "size_bytes")
                print_json({"due": [{key: getattr(item, key) for key in keys} for item in due]})
            else:
                print_table("Would be removed", ("study_uid", "files", "revision", "MiB"), rows)
                console.print(f"{len(due)} would go, {mib(sum(item.size_bytes for item in due))} MiB", highlight=False)
            return
        done = remove_due(retention, seconds=float("inf"), limit=limit)
    if done.images or done.results:
        command_log().info("retention.applied", who=operator(), studies=done.images, revisions=done.results)
    if done.hindered:
        raise BackupRunning
    if as_json:
        print_json({"images": done.images, "results": done.results, "size_bytes": done.size_bytes})
    else:
        words = f"removed images of {done.images} studies and files of {done.results} results"
        console.print(f"{words}, {mib(done.size_bytes)} MiB", highlight=False)
