"""The row ports: what the pipeline asks of the ledger's rows, a subject a file; they keep SQL out of the pipeline.

Each has one adapter and no fake: use cases are tested on a real PostgreSQL, whose locks and constraints a fake would
not have. They speak of domain types; a row or a session never passes through.
"""
