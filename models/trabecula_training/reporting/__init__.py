"""What people read of a run: metrics.json, the verdict whether to believe it, figures, checklists, model card.

metrics.json is the record: pages, card and verdict are words about it, so that what they say can be checked without the
cohort. Nothing is fitted or resampled here.
"""
