"""What the segmenter learns from: spines drawn in closed form, rendered as slabs and close-ups with random contrast.

The generator's anatomy lives in ``trabecula.phantom``; here it becomes images as any scanner might make them. A
sample depends on its seed and number alone.
"""
