"""Rows as the use cases read and write them, within the one transaction of the unit of work (``ledger.store``).

Each module answers one part of the ledger's port. None of them commits.
"""
