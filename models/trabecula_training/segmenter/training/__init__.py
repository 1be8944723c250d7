"""Networks, their losses and the loop; from nothing, from a checkpoint, or from a bundle; and their export.

The only part of the segmenter that needs torch, so that drawing and judging run where it is not installed. Phantoms
come from ``drawing``, real scans from ``real``; no module here knows how either is made.
"""
