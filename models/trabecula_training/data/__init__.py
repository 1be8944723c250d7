"""Data files of training: published results, reference limits, checklists and texts; every entry with its source."""
