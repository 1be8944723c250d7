"""Who takes part: cohort.csv line by line, units, labels from reference measurements, and what study folders hold.

Everything that is wrong with a cohort is told at once, before any work. Nothing is learned here.
"""
