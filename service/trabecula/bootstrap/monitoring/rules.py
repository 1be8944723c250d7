"""Builders of the rules by which people are told, and of the servers that take messages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from trabecula.domain.notification.troubles import TellingPolicy
from trabecula.domain.notification.working_time import WorkingTime
from trabecula.peers.mail import MailServer
from trabecula.peers.webhook import Webhook
from trabecula.settings import Settings
from trabecula.settings.monitoring import WEEKDAYS, minutes_of_day


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
