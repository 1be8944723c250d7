"""Receiving: associations, admission, raw bytes on disk, and the rows that the ledger gets of them.

Success means that bytes and record are on stable storage; nothing is decoded on the way. ``upper_layer`` speaks DICOM,
``journal`` keeps what came until it is registered, ``storage`` keeps one file each, ``association`` brings them
together. A hostile peer costs its own association and nothing else.
"""
