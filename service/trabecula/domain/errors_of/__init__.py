"""Errors by their subject, beside the common ones of errors.py; the tree is one."""
