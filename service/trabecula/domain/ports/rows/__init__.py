"""The row ports: what the pipeline asks of the ledger's rows, one port a file; they keep SQL out of the pipeline."""
