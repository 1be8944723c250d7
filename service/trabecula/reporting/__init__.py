"""DICOM results: structured report, segmentation and picture, written from one analysis; no network, no database.

The same input gives the same bytes, so a retry sends what was sent. Headers of the source images are read here a
second time, when the report is written, and only what is valid DICOM is inherited. Nothing is measured and nothing
decided.
"""
