"""The one page a radiologist reads in ten seconds: drawn with Pillow, the same bytes for the same input.

Every box wraps and shortens its own text; nothing may fall out. Numbers come from the result, never from pixels of
the page. ``planes`` draws the picture of ``trabecula segment``.
"""
