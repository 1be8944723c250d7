"""Frames of a series split into stacks that were acquired alike, lie parallel and belong to one scan.

Real archives mix two scans in one series, send copies, and lose slices. Header values are compared with tolerances
that have a physical reason (``likeness``); where ranges interpenetrate, scans are told apart by what changed between
them. Pixels are looked at only to tell copies apart; what volumes show is judged in ``volumes``.
"""
