"""Our own network from volume to bodies on its stack: cut, search, infer, split, outline, carry back to native voxels.

Grids live in ``stack`` and ``preprocess``: slices of 1 mm pixels, head up, front to the left. Nothing here names a
level (``naming`` does) or judges an outline; numbers without a file beside them were tuned on phantoms and say so.
"""
