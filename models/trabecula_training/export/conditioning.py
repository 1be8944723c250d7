"""What the service must know of a bundle's imputation and ComBat: how much may be missing, which scanners are known."""

from __future__ import annotations

from collections.abc import Sequence

from trabecula.domain.models.conditioning import Conditioning, HarmonisedBatch, device_name
from trabecula_training.cohort.labels import reference_limits
from trabecula_training.errors import ExportRefused
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.conditioning.plan import ConditioningChoice
from trabecula_training.learning.dataset import Dataset


def exported_conditioning(
    sets: Sequence[Dataset], table: FeatureTable, choice: ConditioningChoice
) -> Conditioning | None:
    """Return the manifest's part, None where nothing is filled or harmonised.

    Raises ExportRefused where tasks know different scanners, or where the images of two scanners (sites) name the same
    manufacturer and model, or none: the service could not tell whose a study is.
    """
    if not choice.wanted:
        return None
    known = {made.data.conditioning.batches for made in sets if made.data.conditioning is not None}
    if len(known) > 1:
        raise ExportRefused("ComBat of the two tasks knows different scanners; export one task")
    names = known.pop()
    return Conditioning(
        imputation=choice.impute,
        max_missing_fraction=float(reference_limits()["missing_share_filled_at_most"]["value"])
        if sets[0].layout.partial
        else 0.0,
        batch=choice.batch if names else None,
        covariates=choice.covariates if names else (),
        batches=tuple(HarmonisedBatch(name, _devices(name, sets[0], table, choice)) for name in names),
    )


def _devices(name: str, dataset: Dataset, table: FeatureTable, choice: ConditioningChoice) -> tuple[str, ...]:
    """Manufacturer and model of a batch's images."""
    of_batch: dict[str, set[str]] = {}
    for patient in dataset.patients:
        for role in dataset.layout.roles:
            device = device_name(table.facts.get((patient.patient, role), {}))
            of_batch.setdefault(choice.batch_of(patient), set()).add(device)
    own = of_batch[name]
    if "" in own:
        raise ExportRefused(f"images of {choice.batch} {name} do not state manufacturer and model: ComBat needs them")
    for other, devices in of_batch.items():
        if other != name and own & devices:
            shared = ", ".join(sorted(own & devices))
            raise ExportRefused(
                f"images of {choice.batch} {name} and {other} both name {shared}: a service could not tell them apart"
            )
    return tuple(sorted(own))
