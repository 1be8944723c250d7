"""A cohort from a site's own ledger: studies joined with references by patient and date, features included."""
