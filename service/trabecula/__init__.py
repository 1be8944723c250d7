"""Trabecula: opportunistic bone-density screening beside the PACS."""

from trabecula.version import __version__

__all__ = ["__version__"]
