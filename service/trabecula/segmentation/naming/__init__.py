"""Levels counted from the sacrum or the last ribs, and every sign that takes a name back.

Counting alone shifts all names by one where S1 is taken for L5, so shape of the sacrum, ribs and gaps must agree with
it. A contradiction withholds names (NUMBERING_AMBIGUOUS, TRANSITIONAL); none of these modules draws or moves an
outline, but for a piece that is given to S1.
"""
