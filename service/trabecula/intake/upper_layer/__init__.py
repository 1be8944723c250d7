"""PS3.7 and PS3.8 for an acceptor, by hand: PDUs, negotiation, command sets, and the wire with deadlines.

Written by hand because pynetdicom, which ``peers`` uses, wakes every millisecond for each open association and holds
a data set in memory before it is written: here an association is one thread that blocks on its socket until a
deadline, and bytes go to disk as they come. Every length is bounded before it is read. Nothing here knows of files,
spool or ledger.
"""
