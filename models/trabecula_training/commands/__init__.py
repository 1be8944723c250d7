"""The commands of ``trabecula-train``: one file each; they parse, call, print and set the exit code."""
