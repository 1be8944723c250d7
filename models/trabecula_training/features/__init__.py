"""Feature tables: extracted by the service's own analysis, kept study by study, summarised, and perturbed.

A column is measured by the same function as in the service; training adds none of its own.
"""
