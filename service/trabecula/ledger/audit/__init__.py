"""The audit log in the ledger: appended inside the transaction of what it tells of, sealed afterwards, never changed.

Names of persons and studies become pseudonyms here and nowhere else; with its key gone a pseudonym names nobody.
"""
