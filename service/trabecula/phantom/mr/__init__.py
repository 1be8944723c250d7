"""MR examinations of digital spines: spin-echo signal of water and fat, what a scanner makes of it, and its headers."""

from trabecula.phantom.mr.examination import make_mr_study

__all__ = ["make_mr_study"]
