"""Builders of who is told of what, over which channels."""

from __future__ import annotations

from functools import partial

from trabecula.bootstrap.monitoring.rules import mail_server_of, policy_of, webhook_of
from trabecula.jobs.telling import Channel, Telling
from trabecula.peers.mail import send_mail
from trabecula.peers.webhook import post_message
from trabecula.settings import Settings
from trabecula.settings.monitoring import minutes_of_day


def telling_of(settings: Settings) -> Telling:
    """Return who is told of what; without channels where nobody is."""
    return Telling(
        channels=channels_of(settings),
        policy=policy_of(settings),
        site=settings.institution_name or settings.ae_title,
        data_dir=settings.data_dir,
        watermark_bytes=int(settings.min_free_gib * 2**30),
        stalled_s=settings.stalled_seconds,
        digest_minutes=minutes_of_day(settings.digest_at) if settings.digest_at else None,
    )


def channels_of(settings: Settings) -> dict[str, Channel]:
    """Return the channels by name."""
    found: dict[str, Channel] = {}
    server, webhook = mail_server_of(settings), webhook_of(settings)
    if server is not None:
        found["MAIL"] = partial(send_mail, server)
    if webhook is not None:
        found["WEBHOOK"] = partial(post_message, webhook)
    return found
