"""Errors by their subject, beside the common ones of errors.py; the tree is one.

Split because one file would be past 400 lines. The rules are those of errors.py: the docstring is the message, and a
code, a next step, whether a retry can help, and a test that provokes it belong to each. No sentence names a patient.
"""
