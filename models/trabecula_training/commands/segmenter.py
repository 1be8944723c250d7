"""``trabecula-train segmenter``: train the segmenter from nothing, calibrate, evaluate and stress it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import TaskID

from trabecula_training.commands.output import errors_as_exit_code
from trabecula_training.commands.shown.progress import ShownProgress

if TYPE_CHECKING:
    from trabecula_training.segmenter.judging.robustness import Axes

app = typer.Typer()
segmenter = typer.Typer(help="Train, calibrate, evaluate and stress the segmenter.", invoke_without_command=True)
app.add_typer(segmenter, name="segmenter")

_FIRST = 1000
Processes = Annotated[int, typer.Option(min=1, help="Processes to share the work.")]
Cases = Annotated[int, typer.Option(min=1, help="Phantoms for each row.")]
First = Annotated[int, typer.Option(min=0, help="Number of the first phantom: other numbers, other spines.")]
Real = Annotated[
    list[Path] | None,
    typer.Option(help="Folder of NAME_image.nii.gz with NAME_truth.nii.gz and a real.toml; may be given again."),
]
Folds = Annotated[
    tuple[int, int],
    typer.Option(help="How many folds of patients, and which one is held out; 1 0 holds nobody out."),
]
Table = Annotated[Path | None, typer.Option(help="Write the table (Markdown) here.")]
Bundle = Annotated[Path, typer.Option(help="The bundle's folder, or a folder of bundles: the newest segmenter.")]


@segmenter.callback()
def train(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; an unfinished one is resumed.")] = None,
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1.6.0",
    smoke: Annotated[bool, typer.Option("--smoke", help="A run of four minutes of one core, for tests.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps instead of the plan's.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    real: Real = None,
    real_share: Annotated[float, typer.Option(help="Part of the samples that real volumes are.")] = 0.3,
    folds: Folds = (4, 0),
    start: Annotated[
        Path | None, typer.Option(help="Bundle to start from instead of from nothing; its refiner is kept.")
    ] = None,
) -> None:
    """Train both networks from nothing and write the run's bundle (about 50 minutes on two quiet cores).

    With --real, labelled real volumes are mixed into the samples, and the patients of one fold are held out and named.
    With --start, a bundle's first network is trained on for some ten minutes.
    """
    if context.invoked_subcommand is not None:
        return
    if out is None:
        raise typer.BadParameter("give --out DIR")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave the core to what draws samples
    from trabecula_training.segmenter.real.folder import read_real_folder
    from trabecula_training.segmenter.real.plan import plan_real
    from trabecula_training.segmenter.run import Watch, train_and_export
    from trabecula_training.segmenter.training.spine import Plan
    from trabecula_training.segmenter.training.spine import Progress as Step
    from trabecula_training.segmenter.training.start import start_of

    plan = Plan.smoke(seed) if smoke else Plan(seed=seed)
    with errors_as_exit_code():
        plan = plan.started(start_of(start)) if start else plan
        plan = plan.with_steps(steps) if steps else plan
        folders = [read_real_folder(path) for path in real or ()]
        plan = replace(plan, real=plan_real(folders, real_share, *folds)) if folders else plan
    with ShownProgress() as bar:
        closeups = bar.add_task("close-ups", total=plan.refiner.spines, visible=not start)
        refining = bar.add_task("refiner", total=plan.refiner.steps, visible=not start)
        drawing = bar.add_task("spines", total=plan.pool)
        training = bar.add_task("network", total=plan.steps)

        def shows(task: TaskID) -> Callable[[int], None]:
            return lambda count: bar.update(task, completed=count)

        def steps_of(task: TaskID) -> Callable[[Step], None]:
            return lambda step: bar.update(task, completed=step.step, note=f"loss {step.loss:.3f}")

        watch = Watch(shows(drawing), steps_of(training), shows(closeups), steps_of(refining))
        with errors_as_exit_code():
            bundle = train_and_export(plan, out, version, watch, folders, start)
    typer.echo(bundle)


@segmenter.command("calibrate")
def calibrate_command(
    bundle: Bundle = Path("models/bundles"),
    cases: Annotated[int, typer.Option(min=8, help="Phantoms to fit on; half as many unseen ones to check.")] = 120,
    figure: Annotated[Path | None, typer.Option(help="Write the plot of predicted against true Dice here.")] = None,
    processes: Processes = 2,
) -> None:
    """Fit the quality score on phantoms and write it into the bundle's manifest."""
    from trabecula_training.segmenter.run import calibrate_bundle

    Console().print_json(json.dumps(calibrate_bundle(_folder(bundle), cases, figure, processes)))


@segmenter.command("borders")
def borders_command(
    bundle: Bundle = Path("models/bundles"),
    cases: Annotated[int, typer.Option(min=1, help="Phantoms of each image.")] = 4,
    processes: Processes = 2,
) -> None:
    """Dice of whole bodies by how much of the rim counts as body (the border convention); changes nothing."""
    from trabecula.domain.modality import Modality
    from trabecula_training.segmenter.judging.borders import try_shares

    for modality in Modality:
        for figure in try_shares(_folder(bundle), cases, processes, modality):
            typer.echo(f"{figure.modality.value}  share of the rim {figure.share:.1f}  Dice {figure.dice:.4f}")


@segmenter.command("evaluate")
def evaluate_command(
    bundle: Bundle = Path("models/bundles"),
    data: Annotated[Path, typer.Option(help="The development scans.")] = Path("../shared/data"),
    out: Annotated[Path | None, typer.Option(help="Write all figures as JSON here.")] = None,
) -> None:
    """Shape Dice, found, named and wrong on the real scans that have masks."""
    from trabecula_training.segmenter.run import evaluate_bundle

    figures = evaluate_bundle(_folder(bundle), data)
    if out:
        out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    Console().print_json(json.dumps(figures))


@segmenter.command("names")
def names_command(
    folder: Annotated[Path, typer.Argument(help="Folder of NAME_image.nii.gz with NAME_truth.nii.gz (20-24 = L1-L5).")],
    bundle: Bundle = Path("models/bundles"),
    out: Table = None,
) -> None:
    """Names on real volumes with labelled bodies: right, unknown, wrong, missed, and what was said, by volume."""
    from trabecula_training.segmenter.judging.naming import HEAD, score_folder, total

    lines, scores = [*HEAD], []
    for score in score_folder(_folder(bundle), folder):
        scores.append(score)
        lines.append(score.row)
        typer.echo(score.row, err=True)
    table = "\n".join([*lines, total(scores)]) + "\n"
    if out:
        out.write_text(table, encoding="utf-8")
    typer.echo(table, nl=False)


@segmenter.command("phantoms")
def phantoms_command(
    bundle: Bundle = Path("models/bundles"),
    cases: Cases = 6,
    first: First = _FIRST,
    out: Table = None,
    processes: Processes = 2,
) -> None:
    """Dice, found, wrong and abstained on unseen phantoms of everyday examinations."""
    from trabecula_training.segmenter.judging.robustness import USUAL

    _tabulate(bundle, USUAL, range(first, first + cases), out, processes)


@segmenter.command("robustness")
def robustness_command(
    bundle: Bundle = Path("models/bundles"),
    axis: Annotated[str | None, typer.Option(help="Only this axis, such as variants.")] = None,
    cases: Cases = 4,
    first: First = _FIRST,
    out: Table = None,
    processes: Processes = 2,
) -> None:
    """Dice, found, wrong and abstained on unseen phantoms over every axis of what can go wrong."""
    from trabecula_training.segmenter.judging.robustness import AXES

    if axis is not None and axis not in AXES:
        raise typer.BadParameter(f"no axis {axis!r}; the axes are {', '.join(AXES)}")
    _tabulate(bundle, AXES if axis is None else {axis: AXES[axis]}, range(first, first + cases), out, processes)


@segmenter.command("spines")
def spines_command(
    bundle: Bundle = Path("models/bundles"),
    spines: Annotated[int, typer.Option(min=1, help="How many spines to draw.")] = 200,
    first: First = _FIRST,
    out: Table = None,
    processes: Processes = 2,
) -> None:
    """Names on phantom spines as people have them: four to six lumbar vertebrae, sacralised, lumbarised, short ribs."""
    from trabecula_training.segmenter.judging.spine_draw import draw_outcomes, table

    results = []
    for spine, outcome in draw_outcomes(_folder(bundle), range(first, first + spines), processes):
        results.append((spine, outcome))
        typer.echo(f"{spine.number}  {spine.kind}, {spine.image}: {outcome}", err=True)
    lines = "\n".join(table(results)) + "\n"
    if out:
        out.write_text(lines, encoding="utf-8")
    typer.echo(lines, nl=False)


def _tabulate(bundle: Path, axes: Axes, phantoms: range, out: Path | None, processes: int) -> None:
    from trabecula_training.segmenter.run import phantom_table

    table = phantom_table(_folder(bundle), axes, phantoms, processes, lambda line: typer.echo(line, err=True))
    if out:
        out.write_text(table, encoding="utf-8")
    typer.echo(table, nl=False)


def _folder(bundle: Path) -> Path:
    from trabecula.data.bundle_location import find_segmenter_bundle

    return bundle if (bundle / "manifest.json").is_file() else find_segmenter_bundle(bundle)
