"""``trabecula models``: the bundles installed here, their verification, and which of them speak."""
