"""The statistics of evaluation: pure functions of labels and scores, each with its source."""
