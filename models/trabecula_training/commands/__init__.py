"""The commands of ``trabecula-train``: one file each; they parse, call, print and set the exit code.

Long work shows its progress on standard error; what is wrong with a cohort is told as one table before anything is
computed. Nothing is learned or judged here.
"""
