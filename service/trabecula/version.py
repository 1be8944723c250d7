"""The version of the software, named in every result it sends."""

__version__ = "0.1.0"
