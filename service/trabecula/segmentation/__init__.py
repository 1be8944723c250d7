"""Vertebral bodies in a volume, outlined and named: our own network, foreign programs, or a DICOM SEG that came along.

``network`` finds and outlines, ``naming`` counts levels, ``foreign`` adapts what others made; ``attempts`` tries the
candidates of one role until one shows the lumbar spine, ``sources`` does so for ``trabecula segment``. A level's name
decides which number meets which threshold: where a name is in doubt it is withheld, never guessed.
"""
