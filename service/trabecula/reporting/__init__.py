"""DICOM results: structured report, segmentation and picture, written from one analysis; no network, no database."""
