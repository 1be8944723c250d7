"""The REST API under ``/api/v1``: everything the pages do, for programs.

``door.py`` is the one way in (a token or a session, a permission, its sites), ``mounting.py`` puts the routes into the
desk, ``description.py`` writes what they are (OpenAPI 3.1), ``shapes/`` says what goes in and out; beside them a module
a subject. An endpoint asks the ledger or a use case and answers; it decides nothing, and renders no page.
"""
