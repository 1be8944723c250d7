"""The settings of one installation: a TOML file named by TRABECULA_CONFIG, each key also as TRABECULA_<KEY>."""

from __future__ import annotations

from trabecula.settings.loading import load_settings, unknown_variables
from trabecula.settings.model import ExternalSegmenterSettings, PeerSettings, Settings

__all__ = ["ExternalSegmenterSettings", "PeerSettings", "Settings", "load_settings", "unknown_variables"]
