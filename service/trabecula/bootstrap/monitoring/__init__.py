"""Builders of monitoring: what is watched of each process, and where it answers."""
