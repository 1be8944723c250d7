"""Builders of what removes, deletes, backs up and restores."""
