"""How good a segmenter is: unseen phantoms over every axis, real scans with masks, names on labelled volumes.

Judged through the service's own segmenter from a bundle, not through the network in training: resampling and naming are
part of what is judged.
"""
