"""The composition root: one builder module for each edge, which builds adapters from the settings; no logic.

Whoever starts a process imports the builders it needs and nothing else: what a listener or a list of studies loads is
no business of numpy, scipy or ONNX Runtime. So this file imports none of them, and each builder imports its adapters at
its head. ``late`` holds the adapters that most processes never use.
"""
