"""Segmentations that others made: programs run in a process group of their own, and DICOM SEG objects of the study.

Their labels become a Segmentation of ours, whole vertebrae cut to bodies. They get nothing but a NIfTI and an empty
environment, are ended with all their children when late, and nothing they print is believed.
"""
