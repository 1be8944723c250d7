"""The model card: CARD.md of a bundle, written from its manifest and the run's metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trabecula.domain.models.bundle import EndpointModel, Interval, Manifest
from trabecula.domain.models.conditioning import Imputation
from trabecula.domain.models.validation import ModelVerdict
from trabecula_training.reporting.wording import interval, percent

DEMONSTRATION = (
    "> **Demonstration model.** Trained on digital phantoms, not on patients. Its scores say nothing of any person."
)
NOT_SUPPORTED = (
    "> **Not supported by its own validation.** The verdict of the run that made it is no, and it was exported "
    "nevertheless."
)
BANNER = "> RESEARCH USE ONLY – not a medical device; does not replace DXA/QCT; not for ruling out low bone density."


def card(manifest: Manifest, document: Mapping[str, Any], figures: Sequence[str], difference: float) -> str:
    """Return the card as Markdown."""
    lines = [f"# {manifest.title} ({manifest.model_id} {manifest.version})", "", BANNER]
    if manifest.demonstration:
        lines += ["", DEMONSTRATION]
    if manifest.verdict is ModelVerdict.NO:
        lines += ["", NOT_SUPPORTED]
    lines += ["", *_believed(manifest, document)]
    lines += ["", *_what(manifest)]
    for endpoint in manifest.endpoints:
        lines += ["", *_endpoint(endpoint)]
        lines += ["", *_formula(endpoint, manifest, document)]
        lines += ["", *_subgroups(endpoint, manifest, document)]
    lines += ["", *_lists(manifest)]
    lines += ["", *_lineage(manifest, difference)]
    lines += ["", *(f"![{name}]({name})" for name in figures)] if figures else []
    return "\n".join(lines) + "\n"


def _believed(manifest: Manifest, document: Mapping[str, Any]) -> Iterator[str]:
    yield "## Can it be believed?"
    for endpoint in manifest.endpoints:
        yield ""
        yield f"**{endpoint.name.replace('_', ' ')}**: verdict of its own validation: **{endpoint.verdict}**."
        yield ""
        yield from (f"- {line}" for line in (endpoint.validation.findings if endpoint.validation else ()))
        rows = list(_beside_baselines(endpoint, manifest, document))
        if rows:
            yield ""
            yield "| model or baseline, in the same folds | AUC (95 %) |"
            yield "|---|---|"
            yield from rows


def _beside_baselines(endpoint: EndpointModel, manifest: Manifest, document: Mapping[str, Any]) -> Iterator[str]:
    family = endpoint.classifier.split(" ", 1)[0]
    roles = "+".join(str(role) for role in manifest.roles)
    for task in document["tasks"]:
        if task["task"] != endpoint.name or not _same_input(task["input"], roles):
            continue
        for name, made in task["evaluations"].items():
            if name == family or (name not in task["stability"] and " + " not in name):
                yield f"| {name} | {interval(made['metrics']['auc'], 2)} |"


def _what(manifest: Manifest) -> Iterator[str]:
    people = manifest.population
    layout = manifest.layout
    yield "## What it is"
    yield ""
    yield f"- Intended use: {manifest.intended_use}"
    yield "- Users: radiologists and researchers who know what the card says."
    yield (
        f"- Trained on: {people.description}; {people.n_patients} patients ({people.n_female} women, "
        f"{people.n_male} men), {people.age_low:.0f} to {people.age_high:.0f} years (mean {people.age_mean:.1f}); "
        f"reference: {people.reference}."
    )
    if people.sites or people.scanners:
        sites, scanners = (", ".join(names) or "not stated" for names in (people.sites, people.scanners))
        yield f"- Sites: {sites}; scanners: {scanners}."
    for item in manifest.inputs:
        facts = [f"{name} {low:g} to {high:g}" for name, (low, high) in item.numeric.items()]
        facts += [f"{name}: {', '.join(words)}" for name, words in item.allowed.items()]
        facts += [f"{name} in training: {', '.join(words)}" for name, words in item.seen.items()]
        yield f"- Input {item.role}: {'; '.join(facts) or 'no ranges recorded'}."
    if layout is not None:
        yield (
            f"- Features: {len(layout.columns)} columns ({len(layout.features)} features, levels "
            f"{', '.join(map(str, layout.levels))}, {layout.aggregation}), at least {layout.min_levels} levels; "
            f"region {manifest.regions}; settings {manifest.feature_settings_sha256[:16]}."
        )
    yield from _conditioning(manifest)
    if manifest.image is not None:
        image = manifest.image
        yield (
            f"- Pictures: {manifest.regions} ({manifest.feature_settings_sha256[:16]}), {image.size} x {image.size} "
            f"pixels of each of L1-L4, at least {image.min_levels} levels; the score is the mean of their logits."
        )


def _conditioning(manifest: Manifest) -> Iterator[str]:
    made = manifest.conditioning
    if made is None:
        return
    if made.imputation is not Imputation.NONE:
        yield (
            f"- Missing values are filled inside the graph ({made.imputation}); with more than "
            f"{percent(made.max_missing_fraction)} of its columns missing the model abstains."
        )
    if made.imputation is Imputation.KNN:
        yield "- The graph holds the features of the training patients, without names."
    if made.batches:
        devices = "; ".join(f"{batch.name} ({', '.join(batch.devices)})" for batch in made.batches)
        kept = ", ".join(made.covariates) or "none"
        yield (
            f"- ComBat by {made.batch} inside the graph, fitted on {devices}; covariates kept: {kept}. On any other "
            "scanner the model abstains."
        )


def _endpoint(endpoint: EndpointModel) -> Iterator[str]:
    yield f"## {endpoint.name.replace('_', ' ')}"
    yield ""
    yield f"- Definition: {endpoint.definition}. {endpoint.n_events} of {endpoint.n_patients} patients positive."
    yield f"- Classifier: {endpoint.classifier}; calibration: {endpoint.calibration.method}, inside the graph."
    yield "- Measured by nested cross-validation by patient (every patient held out):"
    yield ""
    yield "| metric | estimate (95 % interval) | interval by |"
    yield "|---|---|---|"
    for name, found in endpoint.metrics.items():
        yield f"| {name} | {_words(found)} | {found.method} |"
    yield ""
    yield "| operating point | threshold | rule | sensitivity | specificity |"
    yield "|---|---|---|---|---|"
    for point in endpoint.operating_points:
        mark = " (reported)" if point.name == endpoint.primary else ""
        rates = f"{_words(point.sensitivity)} | {_words(point.specificity)}"
        yield f"| {point.name}{mark} | {point.threshold:.4f} | {point.rule} | {rates} |"


def _formula(endpoint: EndpointModel, manifest: Manifest, document: Mapping[str, Any]) -> Iterator[str]:
    """The formula of a linear model; nothing of any other."""
    family = endpoint.classifier.split(" ", 1)[0]
    roles = "+".join(str(role) for role in manifest.roles)
    for task in document["tasks"]:
        made = task["formulas"].get(family)
        if made is None or task["task"] != endpoint.name or not _same_input(task["input"], roles):
            continue
        yield f"score = {made['intercept']:.4f} + sum of coefficient * (value - mean) / SD, before calibration:"
        yield ""
        yield "| column | coefficient | mean | SD |"
        yield "|---|---|---|---|"
        for term in made["terms"]:
            column = term["column"].replace("|", " ")
            yield f"| {column} | {term['coefficient']:+.4f} | {term['mean']:.4g} | {term['sd']:.4g} |"


def _subgroups(endpoint: EndpointModel, manifest: Manifest, document: Mapping[str, Any]) -> Iterator[str]:
    family = endpoint.classifier.split(" ", 1)[0]
    roles = "+".join(str(role) for role in manifest.roles)
    yield "| subgroup | patients | positive | AUC | flagged |"
    yield "|---|---|---|---|---|"
    for task in document["tasks"]:
        same = task["task"] == endpoint.name and _same_input(task["input"], roles)
        for row in task["subgroups"].get(family, []) if same else []:
            area = interval(row["auc"], 2) if row["auc"] else "too few"
            yield (
                f"| {row['group']} {row['value']} | {row['n_patients']} | {row['n_events']} | {area} | "
                f"{percent(row['flagged'])} |"
            )


def _same_input(name: str, roles: str) -> bool:
    """``T1+T2`` is ``T1w+T2w``."""
    return name == roles or name == roles.replace("w", "")


def _lists(manifest: Manifest) -> Iterator[str]:
    yield "## Not for"
    yield ""
    yield from (f"- {line}" for line in manifest.not_for)
    yield ""
    yield "## Limits"
    yield ""
    yield from (f"- {line}" for line in manifest.limits or ("None beyond the above is recorded.",))
    if manifest.training_range is not None:
        limits = manifest.training_range
        what = "statistics of the pictures" if manifest.image else "columns the model reads"
        yield (
            f"- The service abstains when more than {100 * limits.max_outside_fraction:.1f} % of the "
            f"{len(limits.used)} {what} lie outside the training percentiles 0.5 to 99.5, or the "
            f"squared Mahalanobis distance exceeds {limits.mahalanobis_limit:.1f}."
        )
    yield ""
    if not manifest.ibsi:
        return
    yield "## How features were made (IBSI)"
    yield ""
    yield from (f"- {name}: {value}" for name, value in manifest.ibsi.items())


def _lineage(manifest: Manifest, difference: float) -> Iterator[str]:
    lineage = manifest.lineage
    yield "## Lineage"
    yield ""
    yield f"- Recipe {lineage.recipe}, {lineage.mode} mode, seed {lineage.seed}, {lineage.created}. {lineage.published}"
    yield f"- Command: `{lineage.command}`"
    yield f"- Cohort {lineage.cohort_sha256[:16]}, features {lineage.feature_table_sha256[:16]}."
    yield f"- Software: {', '.join(f'{name} {version}' for name, version in lineage.software.items())}."
    yield f"- Parity of the ONNX graph with the trained model: largest difference in probability {difference:.1g}."
    yield f"- Licence: {manifest.licence}. Contact: {manifest.contact or 'the installation that trained it'}."
    yield f"- Change log: {manifest.version}, first export."


def _words(found: Interval) -> str:
    return f"{found.estimate:.3f} ({found.low:.3f} to {found.high:.3f})"
