"""Radiomics: pinned feature sets, and the one function that extracts them for training and service alike.

A score means something only on features extracted as in training: a feature set is data with a hash that a bundle
names. What a model does with features lies beside this folder.
"""
