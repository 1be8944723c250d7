"""CT examinations of digital spines: attenuation from bone density, what a scanner makes of it, and its headers.

Truth is drawn first and the scanner is applied to it, so that a test knows what a value should be. Anatomy is shared
with MR; nothing here imports what measures.
"""

from trabecula.phantom.ct.examination import make_ct_study

__all__ = ["make_ct_study"]
