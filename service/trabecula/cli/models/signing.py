"""``trabecula models make-key`` and ``sign``: a site's own bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.models.installed import roots_of
from trabecula.cli.output import (
    console,
    errors_as_exit_code,
)
from trabecula.scoring.bundles import bundle_named
from trabecula.scoring.scorers import check_runs
from trabecula.scoring.trust import PRIVATE_KEY_NAME, make_key, sign_bundle
from trabecula.settings import load_settings


def make_key_pair(
    folder: Annotated[Path, typer.Argument(help="Where the key pair goes; keep the private part off the service.")],
) -> None:
    """Make the key pair with which a site signs its own bundles, and print the line for the settings."""
    with errors_as_exit_code():
        public = make_key(folder)
    console.print(
        f"{folder / PRIVATE_KEY_NAME}: keep it where models are trained, and nowhere else.\n"
        f'Pin the public part in the settings:\nbundle_keys = ["{public}"]',
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def sign(
    model_id: Annotated[str, typer.Argument(help="A bundle in bundles_dir.")],
    key: Annotated[Path, typer.Option(help="The private key that `models make-key` wrote.")],
) -> None:
    """Sign a bundle of this site, after checking that it is whole and that its graph answers."""
    with errors_as_exit_code():
        settings = load_settings()
        bundle = bundle_named(roots_of(settings), model_id)
        check_runs(bundle)
        public = sign_bundle(bundle, key)
    known = public in settings.bundle_keys
    console.print(f"{model_id} is signed by {public}.", markup=False, highlight=False, soft_wrap=True)
    if not known:
        console.print("That key does not stand in bundle_keys yet.", highlight=False)
