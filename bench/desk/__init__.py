"""The desk with a million studies: a command that seeds them, and the benchmark of what the desk asks."""
