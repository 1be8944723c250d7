"""The ledger: what was received, measured and sent, in PostgreSQL; and the artifacts that belong to it on disk.

One unit of work (``store``) is one transaction over rows and queue. ``rows`` is what use cases write, ``queries``
what people ask. It keeps and decides nothing; the database's clock is the only one.
"""
