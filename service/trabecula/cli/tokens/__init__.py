"""``trabecula tokens``: how programs use the API."""
