"""The settings of monitoring; part of ``settings.Settings``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class MonitoringSettings(BaseSettings):
    """Keys of monitoring, one base of the settings of an installation."""

    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Port on which `listen` and `work` answer /healthz, /readyz and /metrics on web_host; 0: none (`serve` answers
    for all of its parts on web_port)."""
    metrics_token_file: Path | None = None
    """File with the token that /metrics asks for (Authorization: Bearer); without one they are for loopback alone."""
