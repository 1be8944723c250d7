"""What the desk reads: searches, figures, tags and bulk actions that stay fast at a million studies.

``desk_studies`` holds one flat row a study and ``desk_marks`` one row for each word a study is found by (its state, its
reasons, ...), both written by deferred triggers at the end of the transaction that changes a study (version 0018 of the
schema), so that they cannot drift. The law of this room: no request reads more than 5,000 rows; what would read more
stops and says how far it came. It decides nothing and shows nothing.
"""
