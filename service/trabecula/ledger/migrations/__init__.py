"""Alembic's environment; versions/ holds one file per change of the schema.

A released version is frozen, also where it could be shorter: a site may stand at any of them. Versions import nothing
of ours: tables change, and a version must make tomorrow the schema that it made yesterday.
"""
