"""Sessions of ONNX Runtime: every graph of the house is opened here, by the service and by training.

Segmentation, scoring and the parity gates of training open graphs; made apart, their sessions differed in threads and
in which errors of the runtime they knew.
"""

from __future__ import annotations

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as states

RUNTIME_ERRORS: tuple[type[Exception], ...] = tuple(
    item for item in vars(states).values() if isinstance(item, type) and issubclass(item, Exception)
)
"""What the runtime raises for a graph that it cannot load or run; its classes have no base of their own."""
_ERRORS_ONLY = 3
"""Severity of the runtime's log from which lines are written: 3 is error; its warnings are about optimisations."""


def open_session(graph: Path | bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """Return a session on ``threads`` threads of the processor; ``graph`` is a file or its content.

    Threads that wait sleep instead of spinning: several analyses share one host. Raises one of RUNTIME_ERRORS.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    content = graph if isinstance(graph, bytes) else str(graph)
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
