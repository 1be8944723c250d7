"""From the bytes of a C-STORE to a file: head read with bounds; through the journal (``journaling``, ``placing``) or at
once (``service``); written aside, synced, named.

Success is answered only after bytes and record are on stable storage. Pixels are never touched and nothing is decoded;
what cannot be kept as it came goes to quarantine with its reason.
"""
