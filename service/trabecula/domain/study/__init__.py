"""What was received and what is to be done with it: studies, instances, copies under one UID, jobs, references.

One table holds every allowed transition of a study's state; the schema of the ledger repeats it.
"""
