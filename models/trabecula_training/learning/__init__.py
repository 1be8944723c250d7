"""From a table to fitted models: recipes as data, selection, classifiers, calibration, nested cross-validation.

Everything that learns sees training patients only; a patient is never on both sides of a split. How good a model is,
is said in ``evaluation``.
"""
