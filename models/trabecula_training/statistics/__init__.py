"""The statistics of evaluation: pure functions of labels and scores, each with its source.

No file, no cohort, no model; every function is checked against its definition or another library in tests.
"""
