"""Taking bundles into use and out of it: what is verified before a role changes, and what speaks against a bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.errors import BundleInvalid, BundleUnknown
from trabecula.domain.errors_of.trust import ModelMayNotDecide, ModelRecalled
from trabecula.domain.models.validation import ModelVerdict
from trabecula.scoring.activation import Activation, Clearance, ModelRole
from trabecula.scoring.bundles import Bundle, bundle_named, find_bundles
from trabecula.scoring.recalled import RecalledMaker
from trabecula.scoring.scorers import check_runs
from trabecula.scoring.trust import Trust


@dataclass(frozen=True, kw_only=True)
class InstalledBundles:
    """The folders bundles lie in, whom this site believes, and which models it has recalled."""

    roots: Sequence[Path]
    trust: Trust
    recalled: Sequence[RecalledMaker] = ()


@dataclass(frozen=True, kw_only=True)
class WantedRole:
    """What somebody asks for: a role for a bundle, whether it may decide, and which objections are overruled."""

    model_id: str
    role: ModelRole
    clearance: Clearance | None = None
    despite_verdict: bool = False
    despite_recall: bool = False


def with_role(installed: InstalledBundles, before: Activation, wanted: WantedRole) -> Activation:
    """Return the activation with the bundle in its role, after verifying it.

    Raises BundleUnknown, BundleInvalid, BundleUntrusted, ModelRecalled, ModelMayNotDecide.
    """
    if wanted.role is ModelRole.OFF:
        if wanted.model_id not in before.models:
            raise BundleUnknown(f"{wanted.model_id} is not in use")
        return before.without(wanted.model_id)
    bundle = bundle_named(installed.roots, wanted.model_id)
    installed.trust.provenance(bundle)
    check_runs(bundle)
    if not wanted.despite_recall:
        _demand_not_recalled(installed, bundle)
    if wanted.clearance is not None:
        _demand_may_decide(bundle, wanted, wanted.clearance)
    return before.with_role(bundle, wanted.role, wanted.clearance)


def rolled_back(installed: InstalledBundles, former: Activation) -> Activation:
    """Return the former activation, after verifying that its bundles are still those that were in use.

    Raises BundleUnknown, BundleInvalid, BundleUntrusted, ModelRecalled.
    """
    for model_id, item in former.models.items():
        bundle = bundle_named(installed.roots, model_id)
        installed.trust.provenance(bundle)
        if bundle.sha256 != item.sha256:
            raise BundleInvalid(f"{model_id} is not the bundle that was activated")
        _demand_not_recalled(installed, bundle)
    return former


def doubts(installed: InstalledBundles, activation: Activation) -> dict[str, tuple[str, ...]]:
    """Return why models in use are not supported by their own validation, by model id; nothing where they are."""
    found = {item.model_id: item.bundle for item in find_bundles(installed.roots) if item.bundle is not None}
    named = {name: found[name] for name in activation.models if name in found}
    return {name: against for name, bundle in named.items() if (against := findings_against(bundle))}


def findings_against(bundle: Bundle) -> tuple[str, ...]:
    """Return what the validation of a bundle whose verdict is no found against it."""
    if bundle.manifest.verdict is not ModelVerdict.NO:
        return ()
    told = [line for item in bundle.manifest.endpoints if item.validation for line in item.validation.findings]
    return tuple(line for line in told if ": no" in line or "not shown" in line) or ("its verdict is no",)


def _demand_not_recalled(installed: InstalledBundles, bundle: Bundle) -> None:
    for item in installed.recalled:
        if item.concerns(bundle.manifest.model_id, bundle.sha256):
            raise ModelRecalled(f"{bundle.manifest.model_id}, by {item.who} {item.when}: {item.reason}")


def _demand_may_decide(bundle: Bundle, wanted: WantedRole, clearance: Clearance) -> None:
    name = bundle.manifest.model_id
    if bundle.manifest.demonstration or bundle.manifest.population.n_phantoms:
        raise ModelMayNotDecide(f"{name} was trained on digital phantoms")
    if wanted.role is not ModelRole.ACTIVE:
        raise ModelMayNotDecide(f"{name} would be a silent {wanted.role}")
    if not clearance.validation:
        raise ModelMayNotDecide(f"no validation of {name} at this site is named")
    if bundle.manifest.verdict is ModelVerdict.NO and not wanted.despite_verdict:
        raise ModelMayNotDecide(f"the verdict of {name} is no: {' '.join(findings_against(bundle))}")
