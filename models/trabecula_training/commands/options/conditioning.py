"""The options of imputation and ComBat, the same for every command that has them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trabecula.domain.models.conditioning import Batch, Covariate, Imputation
from trabecula_training.errors import ConditioningRefused
from trabecula_training.learning.conditioning.plan import ConditioningChoice
from trabecula_training.recipes import IMAGE_RECIPES
from trabecula_training.runs.run import Mode


class Harmonisation(StrEnum):
    """How the scanner is taken out of the features."""

    NONE = "none"
    COMBAT = "combat"


Impute = Annotated[
    Imputation, typer.Option(help="How values that no level of a patient has are filled, inside every fold.")
]
Harmonise = Annotated[
    Harmonisation, typer.Option(help="ComBat, fitted inside every fold; a scanner not in the fit is not scored.")
]
BatchOption = Annotated[Batch, typer.Option(help="What ComBat takes as a batch: a column of cohort.csv.")]
Covariates = Annotated[
    list[Covariate] | None, typer.Option(help="What ComBat leaves in the features; repeat for both. Never the outcome.")
]


def conditioning_choice(
    impute: Imputation, harmonise: Harmonisation, batch: Batch, covariates: list[Covariate] | None
) -> ConditioningChoice:
    """Return what the options ask for."""
    if harmonise is Harmonisation.NONE:
        return ConditioningChoice(impute=impute)
    chosen = tuple(name for name in Covariate if name in (covariates or ()))
    return ConditioningChoice(impute=impute, batch=batch, covariates=chosen)


def refuse_conditioning(choice: ConditioningChoice, recipe: str, mode: Mode = Mode.SOUND) -> None:
    """Raise ConditioningRefused where a recipe or mode fills in and harmonises nothing."""
    if not choice.wanted:
        return
    if recipe in IMAGE_RECIPES:
        raise ConditioningRefused(f"{recipe} reads pictures, which have no features to fill in or to harmonise")
    if mode is Mode.PAPER:
        raise ConditioningRefused("paper mode repeats the study's own steps, and none of the studies did either")
