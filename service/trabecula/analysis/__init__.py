"""One study from headers to result: series measured, gates asked, findings weighed, one category with its ground.

The rooms below know their own part only; here they are put in order (``analyser``), and here alone a category is
decided (``verdict``). Images that cannot be measured become a result with reasons, never an error. No network, no
SQL.
"""
