"""The ledger: what was received, measured and sent, in PostgreSQL; and the artifacts that belong to it on disk."""
