"""Pixels of a regular stack, or of a volume file, as a Volume in LPS millimetres, and what only pixels can tell.

``dicom`` and ``files`` are the borders of the two kinds of source. ``steps``, ``turns`` and ``alternation`` look for
slices whose values cannot belong to one scan (other rescale values, other gains, two scans in turns). Nothing here
finds bone.
"""
