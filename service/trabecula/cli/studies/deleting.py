"""``trabecula studies delete``, ``deleted`` and ``allow``: deletion for good, its tombstone, and taking it back."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from trabecula.bootstrap.keeping.retention import retention_of
from trabecula.bootstrap.ledger import ledger_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.study_options import AsJson, Operator, StudyUidArgument, operator
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.errors_of.copies import ConfirmationMissing
from trabecula.domain.study.deletion import Tombstone
from trabecula.logs import command_log
from trabecula.pipeline.retention.deleting import allow_study, delete_study

DeletionReason = Annotated[str, typer.Option("--reason", help="Why; required, and kept with the tombstone.")]


def delete(
    study_uid: StudyUidArgument,
    reason: DeletionReason = "",
    operator_name: Operator = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete everything of a study for good; a tombstone stays.

    Images in every copy, results, label maps, objects, quarantine, references of a patient of whom no other study is
    here, rows and trail. The whole UID must be given. What a PACS has of it stays there.
    """
    with opened_ledger() as (settings, engine):
        question = f"everything of {study_uid} is deleted for good"
        if reason.strip() and not yes and not (sys.stdin.isatty() and typer.confirm(f"{question}. Go on?")):
            raise ConfirmationMissing(question)
        who = operator(operator_name)
        tombstone = delete_study(retention_of(settings, engine), study_uid, who=who, reason=reason)
    command_log().info("study.deleted", who=who, study_key=tombstone.study_key, images=tombstone.images)
    _tell(tombstone, as_json)


def deleted(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Show whether a study was deleted: when, by whom, why, and how much."""
    with opened_ledger() as (_, engine), ledger_of(engine)() as ledger:
        tombstone = ledger.deletions.tombstone(study_uid)
        if tombstone is None:
            raise StudyUnknown(f"{study_uid} was not deleted here")
    _tell(tombstone, as_json)


def allow(study_uid: StudyUidArgument, reason: DeletionReason = "", operator_name: Operator = "") -> None:
    """Let a deleted study come again, as a new one."""
    with opened_ledger() as (settings, engine):
        who = operator(operator_name)
        allow_study(retention_of(settings, engine), study_uid, who=who, reason=reason)
    command_log().info("study.allowed", who=who)
    console.print("images of this study are taken in again", highlight=False)


def _tell(tombstone: Tombstone, as_json: bool) -> None:
    if as_json:
        print_json(asdict(tombstone))
        return
    ended = f"{tombstone.ended_at:%Y-%m-%d %H:%M}" if tombstone.ended_at else "not finished"
    held = f"{tombstone.images} images, {tombstone.revisions} revisions, {tombstone.quarantined} in quarantine"
    lines = [
        f"deleted: {ended}, by {tombstone.deleted_by}: {tombstone.reason}",
        f"it held {held}, {tombstone.reference_results} references, {tombstone.size_bytes / 2**20:.1f} MiB",
        f"tombstone {tombstone.study_key}",
    ]
    if tombstone.dropped:
        lines.append(
            f"{tombstone.dropped} images came since and were not kept, the last {tombstone.dropped_at:%Y-%m-%d}"
        )
    if tombstone.allowed_at:
        lines.append(
            f"may come again since {tombstone.allowed_at:%Y-%m-%d}, {tombstone.allowed_by}: {tombstone.allowed_reason}"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False)
