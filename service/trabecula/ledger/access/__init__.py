"""Accounts, their grants, sessions and tokens as rows. Of passwords and tokens only hashes come here.

Plain functions on a connection; the caller commits. Who may call them is decided in ``web/access`` and ``cli/users``.
"""
