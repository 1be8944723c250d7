"""What people and training ask the ledger: lists with filters, one study in full, quarantine, the queue, cohorts.

Read only. What a use case reads and writes within its transaction lives in ``rows``.
"""
