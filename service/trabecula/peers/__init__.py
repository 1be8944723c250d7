"""What we request of others: associations out, C-STORE to destinations, storage commitment, C-FIND at an archive.

pynetdicom speaks here: these are few and not timed. What we accept of others lives in ``intake``; the two never
import one another.
"""
