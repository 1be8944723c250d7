"""From the bytes of a C-STORE to a file and a row: head read with bounds, written aside, synced, named, registered.

Success is answered only after the bytes are on stable storage. Pixels are never touched and nothing is decoded; what
cannot be kept as it came goes to quarantine with its reason.
"""
