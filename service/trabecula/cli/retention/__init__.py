"""``trabecula retention``: what rules remove, and what operators hold."""
