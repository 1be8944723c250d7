"""``trabecula models``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace("trabecula.cli.models.listing:list_", "List the installed bundles and what each is used for."),
    "verify": CommandPlace(
        "trabecula.cli.models.verifying:verify",
        "Check bundles against their manifests, whether they ship or are signed, and that their graphs answer.",
    ),
    "activate": CommandPlace(
        "trabecula.cli.models.activating:activate", "Give a verified bundle its role; the next analysis uses it."
    ),
    "make-key": CommandPlace(
        "trabecula.cli.models.signing:make_key_pair",
        "Make the key pair with which a site signs its own bundles, and print the line for the settings.",
    ),
    "sign": CommandPlace(
        "trabecula.cli.models.signing:sign",
        "Sign a bundle of this site, after checking that it is whole and that its graph answers.",
    ),
}

app = typer.Typer(cls=lazy_group(COMMANDS), help="Model bundles: list, verify, activate.", no_args_is_help=True)
