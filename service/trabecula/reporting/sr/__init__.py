"""The structured report (PS3.16 TID 1500): coded concepts, content items, the tree, and its SOP Classes.

One short constructor per kind of item keeps the tree readable; each group cites its template. What is said in words
comes from ``reporting.wording``.
"""
