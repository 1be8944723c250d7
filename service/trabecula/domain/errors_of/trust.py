"""Every failure of trust in a bundle that an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import BundleInvalid, TrabeculaError


class BundleUntrusted(BundleInvalid):
    """A model bundle is neither one that ships with the program nor signed by a key of this site."""

    code = "BUNDLE_UNTRUSTED"
    next_step = (
        "Look at the bundle and its card; then `trabecula models sign MODEL --key KEY` with the key whose public part "
        "stands in bundle_keys (`trabecula models make-key` makes one)."
    )


class ModelMayNotDecide(TrabeculaError):
    """This model may not be let decide a category."""

    code = "MODEL_MAY_NOT_DECIDE"
    next_step = (
        "Activate it without --decides: its score then stands in the report and changes no category; or name the "
        "site's own validation with --validation, and --despite-verdict where the model's own says no."
    )


class ModelRecalled(TrabeculaError):
    """This site has recalled the model."""

    code = "MODEL_RECALLED"
    next_step = "Take another one; or, where the recall is settled, give --despite-recall with its --reason."


class SigningKeyUnusable(TrabeculaError):
    """This key cannot be used to sign or to check bundles."""

    code = "SIGNING_KEY_UNUSABLE"
    next_step = "Make one with `trabecula models make-key FOLDER`; bundle_keys takes the line that it prints."
