"""Builders of the desk: its parts and adapters, where it may answer, and the server that runs it."""
