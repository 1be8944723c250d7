"""The jobs: Procrastinate's queue in the ledger's database, its tasks and workers, and children for heavy work."""
