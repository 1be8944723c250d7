"""``trabecula studies``: the ledger as admins and coordinators ask it, and what they may do to a study."""
