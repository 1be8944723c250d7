"""Labelled real volumes: read where they lie, dealt into folds by patient, and turned into samples known in part.

No pixel and no name of a volume leaves this room for a run's folder or a bundle.
"""
