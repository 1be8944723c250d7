"""Receiving: associations, admission, raw bytes on disk, and the row that the ledger gets of them.

Success means that the bytes are on stable storage; nothing is decoded on the way. ``upper_layer`` speaks DICOM,
``storage`` keeps bytes, ``association`` brings the two together. A hostile peer costs its own association and nothing
else.
"""
