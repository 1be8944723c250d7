"""Chaos: processes are killed by seed under a load of small studies; a checker that asks only histories judges it.

``load`` sends and writes the sender's history, ``faults`` kills and writes the operator's, storescp keeps what it
received; ``checker`` reads these three and never asks the service. ``run`` is the whole of it: ``make chaos``.
"""
