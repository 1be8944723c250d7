"""Gates: what keeps a level or a study from being measured, one small function each, in tables.

A gate looks at one thing and gives coded reasons; it measures nothing that is reported. Its numbers are types read
from ``data/gates.toml`` (``limits``), where each has its source. A new gate is a function, its row in ``table`` and
its numbers.
"""
