"""The listener's journal: bytes and record of each instance, on this host's own disk before 0x0000 is answered.

One file (a segment) takes what several senders send at once and is synced for all of them together. A follower makes
one file each of it in the spool, lets the rows be written, and removes the segment. Nothing here knows a database.
"""
