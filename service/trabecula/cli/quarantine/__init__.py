"""``trabecula quarantine``: what was acknowledged but is not used; listed, shown, released or deleted."""
