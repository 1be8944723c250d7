"""Results without a ledger: ``trabecula analyse`` and ``trabecula segment``, and how results look in a terminal."""
