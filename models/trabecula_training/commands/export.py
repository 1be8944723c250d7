"""``trabecula-train export``: a sound run as a model bundle for the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula_training.commands.output import errors_as_exit_code
from trabecula_training.export.bundle import ExportRequest, export_bundle
from trabecula_training.export.manifest import BundleText
from trabecula_training.recipes import IMAGE_RECIPES, image_recipe, radiomics_recipe
from trabecula_training.reporting.metrics_json import read_document

app = typer.Typer()


@app.command("export")
def export_command(
    run: Annotated[Path, typer.Argument(help="The folder that `trabecula-train run` wrote.")],
    model_id: Annotated[str, typer.Option(help="Name of the bundle: a-z, 0-9, dot, dash.")],
    input_: Annotated[str, typer.Option("--input", help="The recipe's input, e.g. CT or T1+T2.")],
    classifier: Annotated[
        list[str], typer.Option(help="TASK=MODEL, e.g. osteoporosis=RF; twice for an ordinal bundle.")
    ],
    bundles: Annotated[Path, typer.Option(help="Folder that holds the bundles.")] = Path("models/bundles"),
    version: Annotated[str, typer.Option(help="Version of the bundle.")] = "1.0.0",
    title: Annotated[str, typer.Option(help="Title people read.")] = "",
    population: Annotated[str, typer.Option(help="Whom it was trained on, in words.")] = "the site's own cohort",
    demonstration: Annotated[
        bool, typer.Option("--demonstration", help="Trained on phantoms: say so everywhere.")
    ] = False,
    primary: Annotated[str, typer.Option(help="Operating point that is reported: balanced or rule_in.")] = "balanced",
    contact: Annotated[str, typer.Option(help="Whom to ask about the model.")] = "",
    weights: Annotated[
        Path | None, typer.Option(help="The file of weights that a run of networks started from.")
    ] = None,
    i_know: Annotated[
        bool,
        typer.Option(
            "--i-know",
            help="Export although the cohort is too small or the verdict is no; card, activation and reports say so.",
        ),
    ] = False,
) -> None:
    """Fit once more on everybody, write ONNX, check parity, write manifest and card."""
    pairs: list[tuple[str, str]] = []
    for item in classifier:
        task, separator, model = item.partition("=")
        if not separator:
            raise typer.BadParameter(f"{item} is not TASK=MODEL", param_hint="--classifier")
        pairs.append((task, model))
    text = BundleText(
        model_id=model_id,
        version=version,
        title=title or model_id,
        demonstration=demonstration,
        population=population,
        contact=contact,
        primary=primary,
    )
    with errors_as_exit_code():
        folder = export_run(
            ExportRequest(
                run=run,
                bundles=bundles,
                input=input_,
                classifiers=tuple(pairs),
                text=text,
                despite_size=i_know,
                despite_verdict=i_know,
            ),
            weights,
        )
    typer.echo(str(folder))


def export_run(request: ExportRequest, weights: Path | None) -> Path:
    """Export by the kind of the run's recipe."""
    recipe = read_document(request.run)["recipe"]
    if recipe not in IMAGE_RECIPES:
        return export_bundle(request, radiomics_recipe)
    image_recipe(recipe)
    from trabecula_training.cnn.export import export_image_bundle

    return export_image_bundle(request, image_recipe, weights)
