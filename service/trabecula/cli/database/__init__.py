"""``trabecula database``: which ledger this is, and who else may read it."""
