"""PS3.7 and PS3.8 for an acceptor, by hand: PDUs, negotiation, command sets, and the wire with deadlines and bounds.

Written here because an idle association must cost no thread that polls, and a transfer no copy in Python (see
docs/architecture.md). Every length is bounded before it is read; nothing here knows of files, spool or ledger.
"""
