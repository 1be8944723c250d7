"""Tests of the segmenter's generator, training and evaluation."""
