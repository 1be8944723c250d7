"""Trabecula: opportunistic bone-density screening beside the PACS."""

import os

from trabecula.version import __version__

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
"""ONNX Runtime's wheel reports its use to its maker over the network unless this is set before it is imported, and
keeps a thread for it. Nothing of ours tells anybody anything; models run on this machine alone."""

__all__ = ["__version__"]
