"""Pictures of single vertebral bodies for models of images: defined in ``data/crops``, cut by one function for all.

A definition has a name, a version and a digest; a model trained on one never sees crops of another.
"""
