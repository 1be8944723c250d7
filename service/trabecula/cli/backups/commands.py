"""``trabecula backup`` and ``trabecula restore``: everything of an installation, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.bootstrap.database import embedded_or_given
from trabecula.bootstrap.keeping.backups import deleted_again, reconciled, sources_of
from trabecula.bootstrap.ledger import ledger_of, opened_engine
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, errors_as_exit_code, print_json
from trabecula.cli.serving.alone import alone_in
from trabecula.cli.study_options import AsJson, Operator, operator
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.retention.deletion_log import DELETIONS
from trabecula.settings import load_settings


def backup(
    folder: Annotated[Path, typer.Argument(help="An empty folder, or an earlier backup, which is renewed.")],
    without_images: Annotated[
        bool, typer.Option("--without-images", help="Leave received images out: they can be sent again.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Back up ledger, images, results and journal, also while the service runs."""
    from trabecula.backups.making import make_backup
    from trabecula.ledger.audit.appending import append

    with opened_ledger() as (settings, engine):
        with ledger_of(engine)() as ledger:
            ledger.installation_uid()  # its objects are known again by it
            ledger.commit()
        with engine.begin() as connection:
            append(connection, entry_of(AuditAction.BACKUP_MADE, operator()))
        url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        manifest, copied = make_backup(sources_of(settings, url), folder, with_images=not without_images)
    if as_json:
        print_json({"made_at": manifest.made_at, "files": manifest.files, "copied": copied.fresh,
                    "size_bytes": manifest.size_bytes, "studies": manifest.studies,
                    "journal_waiting": manifest.journal_waiting})  # fmt: skip
        return
    size = f"{manifest.size_bytes / 2**20:.1f} MiB"
    console.print(
        f"{folder}: {manifest.studies} studies, {manifest.files} files ({copied.fresh} copied now), {size}",
        highlight=False,
    )
    if manifest.journal_waiting:
        console.print("images that wait in the journal for their rows are in its copy", highlight=False)


def restore(
    folder: Annotated[Path, typer.Argument(help="What `trabecula backup` wrote.")],
    replace_ledger: Annotated[
        bool, typer.Option("--replace-ledger", help="Also over a ledger that holds studies, which are lost then.")
    ] = False,
    deletions: Annotated[
        list[Path] | None,
        typer.Option("--deletions", help="A copy of deletions.jsonl that was kept elsewhere; may be given again."),
    ] = None,
    operator_name: Operator = "",
    as_json: AsJson = False,
) -> None:
    """Put a backup in place; the service must not run. Files that are here already stay: they may be newer."""
    from trabecula.backups.manifest import read_manifest
    from trabecula.backups.restoring import restore_backup

    with errors_as_exit_code():
        settings = load_settings()
        read_manifest(folder)
        with alone_in(settings.data_dir), embedded_or_given(settings) as url, opened_engine(url) as engine:
            done = restore_backup(
                folder,
                sources_of(settings, url),
                lambda: reconciled(settings, engine),
                lambda: deleted_again(settings, engine, [folder / DELETIONS, *(deletions or ())]),
                who=operator(operator_name),
                replace_ledger=replace_ledger,
            )
    if as_json:
        print_json({"made_at": done.manifest.made_at, "studies": done.manifest.studies, "files_copied": done.files,
                    "registered_again": done.registered_again, "images_missing": done.images_missing,
                    "deleted_again": done.deleted_again})  # fmt: skip
        return
    console.print(
        f"the ledger is that of {done.manifest.made_at:%Y-%m-%d %H:%M:%S}: {done.manifest.studies} studies; "
        f"{done.files} files copied, {done.registered_again} images registered again, {done.images_missing} not here, "
        f"{done.deleted_again} studies deleted again",
        highlight=False,
    )
