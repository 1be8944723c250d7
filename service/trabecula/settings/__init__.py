"""The settings of one installation: a TOML file named by TRABECULA_CONFIG, each key also as TRABECULA_<KEY>.

Read at start by ``cli`` and ``bootstrap`` alone and handed on as values: a module that read them itself could not be
tested without an environment. A group of settings has a file; the reason for a default stands beside it.
"""

from __future__ import annotations

from trabecula.settings.loading import load_settings, unknown_variables
from trabecula.settings.model import ExternalSegmenterSettings, PeerSettings, Settings

__all__ = ["ExternalSegmenterSettings", "PeerSettings", "Settings", "load_settings", "unknown_variables"]
