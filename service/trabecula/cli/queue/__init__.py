"""``trabecula queue``: what waits for a worker, and pausing and resuming queues and destinations."""
