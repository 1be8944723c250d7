"""One run of a recipe on a cohort, in sound or in paper mode; its check before any work, and the leak test."""
