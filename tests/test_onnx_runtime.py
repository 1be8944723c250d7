"""Sessions of ONNX Runtime: opened alike from a file and from its content, and told apart from what is no graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from trabecula.onnx_runtime import RUNTIME_ERRORS, open_session


@pytest.fixture(scope="module")
def doubling() -> bytes:
    """A graph whose output is its input twice."""
    numbers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("given", "found")]
    graph = helper.make_graph([helper.make_node("Add", ["given", "given"], ["found"])], "g", numbers[:1], numbers[1:])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    assert isinstance(content, bytes)
    return content


def test_a_file_and_its_content_give_the_same_session(doubling: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(doubling)

    for graph in (path, doubling):
        session = open_session(graph, threads=2)
        (found,) = session.run(None, {"given": np.array([1, 2], np.float32)})
        options = session.get_session_options()
        assert found.tolist() == [2, 4]
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"


def test_what_is_no_graph_and_what_does_not_fit_one_are_errors_of_the_runtime(doubling: bytes, tmp_path: Path) -> None:
    with pytest.raises(RUNTIME_ERRORS):
        open_session(b"no graph")
    with pytest.raises(RUNTIME_ERRORS):
        open_session(tmp_path / "missing.onnx")
    with pytest.raises(RUNTIME_ERRORS):
        open_session(doubling).run(None, {"given": np.zeros((1, 1), np.float32)})
