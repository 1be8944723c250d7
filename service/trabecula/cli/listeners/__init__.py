"""``trabecula listeners``: who receives, how far each is, and saying that one is gone for good."""
