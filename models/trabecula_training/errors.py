"""What can go wrong in training, in the one tree of errors: a code, a plain sentence and the next step for each."""

from __future__ import annotations

from collections.abc import Sequence

from trabecula.domain.errors import TrabeculaError
from trabecula_training.problems import Problem, counted


class CohortInvalid(TrabeculaError):
    """The cohort cannot be used."""

    code = "COHORT_INVALID"
    next_step = "Correct what the table names; nothing was computed."

    def __init__(self, detail: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(detail or counted(problems))
        self.problems = tuple(problems)


class LedgerCohortEmpty(TrabeculaError):
    """No patient of the ledger takes part."""

    code = "LEDGER_COHORT_EMPTY"
    next_step = (
        "Import references with `trabecula studies import-references`, wait for studies to be done, or widen the "
        "window."
    )


class FeatureTableInvalid(TrabeculaError):
    """The feature table cannot be used."""

    code = "FEATURE_TABLE_INVALID"
    next_step = (
        "Correct what is named (docs/own-data.md), or extract the features again with `trabecula-train extract`."
    )


class TemplateRefused(TrabeculaError):
    """The template was not written."""

    code = "TEMPLATE_REFUSED"
    next_step = "Name a new file in a folder that may be written."


class FactsInvalid(TrabeculaError):
    """The file of facts cannot be used."""

    code = "FACTS_INVALID"
    next_step = (
        "Correct what is named; `trabecula-train template facts.toml` writes one with every key. Nothing was run."
    )


class RecipeUnknown(TrabeculaError):
    """No recipe has this name."""

    code = "RECIPE_UNKNOWN"
    next_step = "Name one of those that `trabecula-train run --help` lists."


class ExportRefused(TrabeculaError):
    """This run may not become a model bundle."""

    code = "EXPORT_REFUSED"
    next_step = "See the reason; train in sound mode on a cohort that is large enough."


class ParityFailed(ExportRefused):
    """The exported graph does not give the probabilities of the trained model."""

    code = "PARITY_FAILED"
    next_step = "Choose another classifier of the recipe, and report the two version numbers of onnx and scikit-learn."


class WeightsUnusable(TrabeculaError):
    """The file of weights to start from cannot be used."""

    code = "WEIGHTS_UNUSABLE"
    next_step = (
        "Give this network's state dictionary as a NumPy archive (.npz) of arrays by name, or train from nothing."
    )


class StartUnusable(TrabeculaError):
    """Training cannot start from this bundle."""

    code = "START_UNUSABLE"
    next_step = (
        "Give the folder of a whole segmenter bundle of this network, or leave out --start; nothing was trained."
    )


class RunFolderTaken(TrabeculaError):
    """This folder holds a training run of another plan."""

    code = "RUN_FOLDER_TAKEN"
    next_step = "Give another --out, or the seed and steps that the run was begun with; nothing was changed."


class RealDataInvalid(TrabeculaError):
    """These real volumes cannot be learned from."""

    code = "REAL_DATA_INVALID"
    next_step = "Correct what is named (docs/segmenter.md shows how a folder is laid out); nothing was trained."


class ExtraMissing(TrabeculaError):
    """This needs software that is not installed."""

    code = "EXTRA_MISSING"
    next_step = "Install the extra for networks: pip install 'trabecula[train,cnn]'."


class CombatMissing(ExtraMissing):
    """ComBat needs a library that is not installed."""

    code = "EXTRA_MISSING"
    next_step = "Install the extra for ComBat: pip install 'trabecula[train,combat]', or leave out --harmonise."


class ConditioningRefused(TrabeculaError):
    """Here nothing is filled in or harmonised."""

    code = "CONDITIONING_REFUSED"
    next_step = "Leave out --impute and --harmonise, or run a radiomics recipe in sound mode."


class RepeatRefused(TrabeculaError):
    """This run cannot be repeated."""

    code = "REPEAT_REFUSED"
    next_step = "Give the folder of a run with its metrics.json, beside the cohort and the features it was made from."
