"""The command line: one file per command group; parses, calls bootstrap, prints, sets the exit code."""
