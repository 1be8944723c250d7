"""``trabecula config``: the settings in force."""
