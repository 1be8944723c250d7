"""A cohort from a site's own ledger: studies joined with references by patient and date, features included.

It reads the service's database and label maps and changes neither. Outlines are the ones the service kept: outlining
anew would train on other regions than those that were measured.
"""
