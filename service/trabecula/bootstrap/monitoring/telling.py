"""Builders of who is told of what, over which channels."""

from __future__ import annotations

from functools import partial
from zoneinfo import ZoneInfo

from trabecula.domain.notification.troubles import TellingPolicy
from trabecula.domain.notification.working_time import WorkingTime
from trabecula.jobs.telling import Channel, Telling
from trabecula.peers.mail import MailServer, send_mail
from trabecula.peers.webhook import Webhook, post_message
from trabecula.settings import Settings
from trabecula.settings.monitoring import WEEKDAYS, minutes_of_day


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


def policy_of(settings: Settings) -> TellingPolicy:
    """Return when figures are a trouble."""
    begin, _, end = settings.working_hours.partition("-")
    return TellingPolicy(
        destination_down_s=settings.tell_destination_down_minutes * 60.0,
        silence_s=settings.tell_silence_hours * 3600.0,
        again_s=settings.tell_again_minutes * 60.0,
        working_time=WorkingTime(
            begin_minutes=minutes_of_day(begin),
            end_minutes=minutes_of_day(end),
            days=frozenset(WEEKDAYS.index(day) for day in settings.working_days),
            zone=ZoneInfo(settings.time_zone) if settings.time_zone else None,
        ),
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


def mail_server_of(settings: Settings) -> MailServer | None:
    """Return the mail server, None where no mail is sent."""
    if not settings.smtp_host:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        security=settings.smtp_tls,
        sender=settings.smtp_from,
        recipients=settings.smtp_to,
        user=settings.smtp_user,
        password_file=str(settings.smtp_password_file or ""),
    )


def webhook_of(settings: Settings) -> Webhook | None:
    """Return the webhook, None without one."""
    return Webhook(settings.webhook_url) if settings.webhook_url else None
