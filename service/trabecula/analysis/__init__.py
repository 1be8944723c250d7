"""Measuring images: series choice, volumes, segmentation, biomarkers, models; everything between files and a result."""
