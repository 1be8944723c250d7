"""One run of a recipe on a cohort, in sound or in paper mode; its check before any work, and the leak test.

Paper mode repeats what a study printed, with its faults. Which recipe it is comes from above: no module here knows a
study by name.
"""
