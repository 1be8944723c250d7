"""``trabecula backup`` and ``trabecula restore``."""
