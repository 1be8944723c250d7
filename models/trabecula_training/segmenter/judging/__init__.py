"""How good a segmenter is: unseen phantoms over every axis, real scans with masks, names on labelled volumes."""
