"""What operators and readers do to studies: retry, correct, name levels, recall, compare, reprocess, quarantine.

Every change names who asked for it, for the audit trail. Commands, pages and API call the same functions: what one of
them refuses, all refuse, with the same code.
"""
