"""Backup and restore of a whole installation: the ledger at one moment, and the files that its rows name.

Beside ``jobs`` because it knows the spool, the journal and the ledger at once; nothing of the service imports it.
"""
