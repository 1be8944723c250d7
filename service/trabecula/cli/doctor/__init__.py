"""``trabecula doctor``: its checks, and the one look into the ledger that they share."""
