"""The segmenter of one's own: what it learns from, how it is trained, and how it is judged.

``drawing`` and ``real`` make samples, ``training`` fits and exports, ``judging`` measures; ``run`` puts them in
order. What ships is judged by a rule that was written down before the run (docs/segmenter.md).
"""
