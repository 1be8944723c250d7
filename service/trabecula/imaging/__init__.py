"""Headers and files in, frames and Volumes out: everything that must be true of images before anything is chosen.

``headers`` and ``patient`` read what images say, ``stacks`` splits frames into what was acquired alike, ``volumes``
loads pixels and looks at them. Nothing here knows of bone, levels or thresholds of a finding; which stack is measured
is decided in ``series``. A refusal names the file, the UID or the transfer syntax, and one odd file never costs a
series.
"""
