"""Reference measurements (DXA, QCT) of a site: read from CSV line by line, checked, written in one transaction.

All or nothing: half a file of references would leave a cohort with a part of its patients, and nobody would notice.
Problems name line and column and never who the patient is: they are shown and logged.
"""
