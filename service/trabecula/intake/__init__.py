"""Receiving: associations, admission, raw bytes on disk, and what of it the ledger hears."""
