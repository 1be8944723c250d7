"""What is installed to measure with, looked at without loading it: models in use, the weights of the segmenter."""

from __future__ import annotations

from trabecula.data.bundle_location import bundle_roots, find_segmenter_among
from trabecula.domain.errors import BundleInvalid
from trabecula.scoring.activation import read_activation
from trabecula.segmentation.network.bundle import load_bundle
from trabecula.settings import Settings


def check_active_models(settings: Settings) -> tuple[str, ...]:
    """Verify every model in use and return their names.

    Raises BundleUnknown, BundleInvalid, BundleUntrusted for the first that is not whole, not believed, not the one
    that was activated, or does not run here.
    """
    activation = read_activation(settings.data_dir)
    if not activation.models:
        return ()
    from trabecula.scoring.bundles import bundle_named
    from trabecula.scoring.scorers import check_runs
    from trabecula.scoring.trust import site_trust

    roots, trust = bundle_roots(settings.bundles_dir), site_trust(settings.bundle_keys)
    for model_id, activated in sorted(activation.models.items()):
        bundle = bundle_named(roots, model_id)
        if bundle.sha256 != activated.sha256:
            raise BundleInvalid(f"{model_id} is not the bundle that was activated")
        trust.provenance(bundle)
        check_runs(bundle)
    return tuple(sorted(activation.models))


def segmenter_in_words(settings: Settings) -> str:
    """Return name, version and hash of the segmenter, after its files were verified.

    Raises BundleUnknown, BundleInvalid, ConfigurationInvalid.
    """
    if settings.segmenter == "network":
        bundle = load_bundle(find_segmenter_among(bundle_roots(settings.bundles_dir)))
        return f"{bundle.identifier} {bundle.weights_sha256[:12]}"
    from trabecula.bootstrap.analysing import segmenter_of

    identity = segmenter_of(settings).identity
    return f"{identity.name} {identity.version} {identity.weights_sha256[:12]}"
