"""The images on the page: the spine, an axial slice, a refused series, and what is drawn on them.

Borders are distances to a mask, never its pixels; the measured regions are found again by their own definition.
"""
