"""The published studies as recipes, one file each, and the one table that names them.

A recipe over images (b4_2026) will stand beside these under its own type; the commands look recipes up here.
"""

from __future__ import annotations

from trabecula_training.errors import RecipeUnknown
from trabecula_training.recipe import Recipe
from trabecula_training.recipes import jiang2026, radscore, xue2022

RADIOMICS_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for recipe in (jiang2026.RECIPE, radscore.RECIPE, xue2022.RECIPE)
}


def radiomics_recipe(name: str) -> Recipe:
    """Return the radiomics recipe of that name. Raises RecipeUnknown."""
    if name not in RADIOMICS_RECIPES:
        raise RecipeUnknown(f"{name} is none of {', '.join(sorted(RADIOMICS_RECIPES))}")
    return RADIOMICS_RECIPES[name]
