"""``trabecula bulk``: something done to every study that filters find, recorded and worked through by workers."""
