"""``trabecula audit``: who looked at what and changed what; listed, verified, exported."""
