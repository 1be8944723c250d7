"""Radiomics: pinned feature sets, and the one function that extracts them for training and service alike."""
