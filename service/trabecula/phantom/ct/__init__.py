"""CT examinations of digital spines: attenuation from bone density, what a scanner makes of it, and its headers."""

from trabecula.phantom.ct.examination import make_ct_study

__all__ = ["make_ct_study"]
