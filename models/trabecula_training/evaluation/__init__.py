"""How good a model is: metrics with intervals, comparisons, subgroups, and patients it has never seen.

Everything here takes labels and held-out probabilities and fits no model, so no figure is of patients that a model
learned from. Estimators and intervals lie in ``statistics``; words about figures in ``reporting``.
"""
