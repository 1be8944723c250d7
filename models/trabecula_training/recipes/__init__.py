"""The published studies as recipes, one file each, and the one table that names them.

A recipe over images has its own type and needs the extra ``cnn``: it is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trabecula_training.errors import ExtraMissing, RecipeUnknown
from trabecula_training.learning.recipe import Recipe
from trabecula_training.recipes import jiang2026, radscore, xue2022

if TYPE_CHECKING:
    from trabecula_training.cnn.image_recipe import ImageRecipe

RADIOMICS_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (jiang2026.RECIPE, radscore.RECIPE, xue2022.RECIPE)
}
IMAGE_RECIPES = ("b4_2026",)
RECIPE_NAMES = tuple(sorted((*RADIOMICS_RECIPES, *IMAGE_RECIPES)))


def radiomics_recipe(name: str) -> Recipe:
    """Return the radiomics recipe of that name. Raises RecipeUnknown."""
    if name not in RADIOMICS_RECIPES:
        known = RADIOMICS_RECIPES if name in IMAGE_RECIPES else RECIPE_NAMES
        raise RecipeUnknown(f"{name} is none of {', '.join(sorted(known))}")
    return RADIOMICS_RECIPES[name]


def image_recipe(name: str) -> ImageRecipe:
    """Return the recipe over images of that name. Raises RecipeUnknown, and ExtraMissing without torch and MONAI."""
    if name not in IMAGE_RECIPES:
        raise RecipeUnknown(f"{name} is none of {', '.join(IMAGE_RECIPES)}")
    try:
        from trabecula_training.recipes import b4_2026
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"{error.name} is not installed") from error
    return b4_2026.RECIPE
