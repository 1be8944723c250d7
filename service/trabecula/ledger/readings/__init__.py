"""What readers said of results: they agree or disagree, with whom and why. A result is never changed by it.

Kept beside results because agreement with readers is evidence about the product: an opinion that overwrote what it
judges could no longer be counted.
"""
