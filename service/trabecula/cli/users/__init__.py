"""``trabecula users``: who may sign in at the desk."""
