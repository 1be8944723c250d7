"""The tables of retention, deletion and restores."""
