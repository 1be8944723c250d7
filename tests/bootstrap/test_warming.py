from __future__ import annotations

import subprocess
import sys

from tests.jobs.helpers import ROOT

_WARMED = """
from highdicom import _standard_utils as standard
from trabecula.bootstrap.warming import warm
from trabecula.data import data_file
from trabecula.reporting.sr.concepts import coded
warm()
read = data_file.cache_info().misses
coded("processing_equipment")
standard.get_module_attribute_map()
assert data_file.cache_info().misses == read > 5
assert standard.get_module_attribute_map.cache_info().misses == 1
"""


def test_a_warm_process_reads_no_table_again() -> None:
    done = subprocess.run([sys.executable, "-c", _WARMED], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
