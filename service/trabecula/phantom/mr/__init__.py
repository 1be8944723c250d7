"""MR examinations of digital spines: spin-echo signal of water and fat, what a scanner makes of it, and its headers.

Signal follows from tissue, TR and TE, so that T1w and T2w of one spine agree with each other. Anatomy is shared with
CT; nothing here imports what measures.
"""

from trabecula.phantom.mr.examination import make_mr_study

__all__ = ["make_mr_study"]
