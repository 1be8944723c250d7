"""``trabecula studies recall``: all results of a model, bundle, segmenter or version, found, marked and superseded."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson, Operator, operator
from trabecula.domain.study.recall import MadeBy, Maker
from trabecula.logs import command_log
from trabecula.pipeline.operators.recalling import Recall, find_results, recall_results
from trabecula.scoring.activation import ModelRole, read_activation
from trabecula.scoring.recalled import RecalledMaker, note_recalled
from trabecula.settings import Settings

_SHOWN = 50
_FEWEST_DIGITS = 12


def recall(
    model: Annotated[str, typer.Option(help="Results with a score of this model bundle.")] = "",
    bundle: Annotated[str, typer.Option(help="SHA-256 (12 digits at least) of a model or of segmenter weights.")] = "",
    segmenter: Annotated[str, typer.Option(help='Results of this segmenter, e.g. "trabecula-spine 1.6.0".')] = "",
    software: Annotated[str, typer.Option(help="Results of this version of the software.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit trail; with it the results are marked.")] = "",
    reprocess: Annotated[bool, typer.Option("--reprocess", help="Measure their studies anew, too.")] = False,
    operator_name: Operator = "",
    as_json: AsJson = False,
) -> None:
    """Find every result of a model, bundle, segmenter or version; with --reason mark them as recalled.

    Without --reason nothing is written. With --reprocess each study whose newest result is recalled is measured anew,
    and its report names the recalled one; take the model out of use first, or it speaks again.
    """
    given = {Maker.MODEL: model, Maker.BUNDLE: bundle, Maker.SEGMENTER: segmenter, Maker.SOFTWARE: software}
    named = [MadeBy(maker, name.strip()) for maker, name in given.items() if name.strip()]
    if len(named) != 1:
        raise typer.BadParameter("Name one of --model, --bundle, --segmenter and --software.")
    if named[0].maker is Maker.BUNDLE and len(named[0].name) < _FEWEST_DIGITS:
        raise typer.BadParameter(f"--bundle needs {_FEWEST_DIGITS} digits of the SHA-256 at least.")
    if reprocess and not reason.strip():
        raise typer.BadParameter("--reprocess goes with --reason.")
    with opened_ledger() as (settings, engine):
        services, who = services_of(settings, engine), operator(operator_name)
        if reason.strip():
            done = recall_results(services, named[0], who=who, reason=reason, reprocess=reprocess)
            counts = {"results": done.marked, "reprocessed": len(done.reprocessed)}
            _remember(settings, named[0], who, reason)
            command_log().info("results.recalled", who=who, maker=str(named[0].maker), name=named[0].name, **counts)
        else:
            done = find_results(services, named[0])
        in_use = _still_in_use(settings, named[0])
    if as_json:
        print_json(_document(done) | {"still_in_use": in_use})
    else:
        _tell(done, in_use, written=bool(reason.strip()))


def _remember(settings: Settings, made_by: MadeBy, who: str, reason: str) -> None:
    """Keep a recalled model from being activated again without a word."""
    if made_by.maker in (Maker.MODEL, Maker.BUNDLE):
        when = datetime.now(UTC).isoformat(timespec="seconds")
        recalled = RecalledMaker(maker=str(made_by.maker), name=made_by.name, who=who, when=when, reason=reason.strip())
        note_recalled(settings.data_dir, recalled)


def _still_in_use(settings: Settings, made_by: MadeBy) -> bool:
    """Whether new results would be made by the recalled model."""
    models = read_activation(settings.data_dir).models
    if made_by.maker is Maker.MODEL:
        return made_by.name in models and models[made_by.name].role is not ModelRole.OFF
    digits = made_by.name.lower()
    return made_by.maker is Maker.BUNDLE and any(item.sha256.startswith(digits) for item in models.values())


def _document(done: Recall) -> dict[str, Any]:
    return {
        "maker": str(done.made_by.maker),
        "name": done.made_by.name,
        "marked": done.marked,
        "results": [
            {
                "study_uid": item.study_uid,
                "revision": item.revision,
                "category": item.category,
                "newest": item.newest,
                "destinations": list(item.destinations),
                "recalled_before": item.recalled,
            }
            for item in done.results
        ],
        "reprocessed": [{"study_uid": study_uid, "revision": revision} for study_uid, revision in done.reprocessed],
        "kept": [{"study_uid": study_uid, "code": error.code} for study_uid, error in done.kept],
    }


def _tell(done: Recall, in_use: bool, *, written: bool) -> None:
    rows = [
        (
            item.study_uid,
            item.revision,
            item.category,
            "newest result" if item.newest else "superseded",
            ", ".join(item.destinations) or "nowhere",
        )
        for item in done.results[:_SHOWN]
    ]
    print_table("", ("study uid", "revision", "category", "standing", "sent to"), rows)
    newest = sum(item.newest for item in done.results)
    lines = [f"{len(done.results)} results of {done.made_by.words}, {newest} of them the newest of their study"]
    if len(done.results) > _SHOWN:
        lines.append(f"the first {_SHOWN} are shown; --json lists all")
    if written:
        lines.append(f"{done.marked} marked as recalled (`trabecula studies list --reason RECALLED`)")
    else:
        lines.append('nothing was written; --reason "..." marks them, --reprocess measures their studies anew')
    if done.reprocessed:
        lines.append(f"{len(done.reprocessed)} studies are measured anew")
    for code, count in Counter(error.code for _, error in done.kept).items():
        lines.append(f"{count} studies could not be measured anew now ({code}): run the command again later")
    if in_use:
        lines.append(
            "it is still in use and goes on making results: take it out with `trabecula models activate ID --role off`"
        )
    for line in lines:
        console.print(line, markup=False, highlight=False)
