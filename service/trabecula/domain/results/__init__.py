"""What is said of a study and why: reasons, category, ground of the decision, thresholds, and their published JSON.

Pure rules without an image: a category follows from values and limits alone, so that every sentence of a report can
be made from the ground of the decision. Results never say "normal".
"""
