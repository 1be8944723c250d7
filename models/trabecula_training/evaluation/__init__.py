"""How good a model is: metrics with intervals, comparisons, subgroups, and patients it has never seen."""
