"""Many ways to break a bundle: each is refused with a code and a sentence, none with a traceback, none slowly."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto, helper

from tests.scoring.made_bundle import graph, manifest, trusting, write_bundle
from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import FEATURE_INPUT, MANIFEST_NAME, PROBABILITY_OUTPUT, SCORE_OUTPUT
from trabecula.domain.models.validation import CheckVector
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.scorers import check_runs
from trabecula.scoring.trust import Trust


def changed(folder: Path, **values: Any) -> None:
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    (folder / MANIFEST_NAME).write_text(json.dumps(document | values))


def changed_files(folder: Path, **files: str) -> None:
    document = json.loads((folder / MANIFEST_NAME).read_bytes())
    changed(folder, files=document["files"] | files)


def text(folder: Path, content: str) -> None:
    (folder / MANIFEST_NAME).write_text(content)


def as_folder(folder: Path) -> None:
    (folder / MANIFEST_NAME).unlink()
    (folder / MANIFEST_NAME).mkdir()


def as_pipe(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    os.mkfifo(folder / "model.onnx")


def huge(folder: Path, name: str, size: int) -> None:
    with (folder / name).open("r+b") as file:
        file.truncate(size)


def named_as_number(folder: Path) -> None:
    written = (folder / MANIFEST_NAME).read_text()
    text(folder, written.replace('"n_events": 40', '"n_events": NaN'))


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte of the graph": (lambda folder: huge(folder, "model.onnx", 40), "model.onnx of made was changed"),
    "a byte of the card": (lambda folder: (folder / "CARD.md").write_bytes(b"# Mad\n"), "CARD.md of made was changed"),
    "another graph": (lambda folder: (folder / "model.onnx").write_bytes(graph([1, 1], 0)), "was changed"),
    "another id": (lambda folder: changed(folder, model_id="other"), "holds the bundle other"),
    "a path as name": (lambda folder: changed_files(folder, **{"../x": "0" * 64}), "names a path"),
    "an absolute name": (lambda folder: changed_files(folder, **{"/etc/passwd": "0" * 64}), "names a path"),
    "a file missing": (lambda folder: (folder / "CARD.md").unlink(), "CARD.md of made is missing"),
    "a file too many": (lambda folder: (folder / "x.pkl").write_bytes(b""), "holds x.pkl"),
    "an unknown field": (lambda folder: changed(folder, decides=True), "decides is not a known field"),
    "not a number": (named_as_number, "NaN is not a number"),
    "deep JSON": (lambda folder: text(folder, "[" * 100_000), "is not JSON"),
    "no JSON": (lambda folder: text(folder, "{"), "is not JSON"),
    "a folder as manifest": (as_folder, "manifest.json of made is no plain file"),
    "a pipe as graph": (as_pipe, "model.onnx of made is no plain file"),
    "a manifest of 150 MB": (lambda folder: huge(folder, MANIFEST_NAME, 150 * 10**6), "143 MiB, more than 16"),
    "a graph of 2 GB": (lambda folder: huge(folder, "model.onnx", 2 * 10**9), "1907 MiB, more than 512"),
    "a card of 1 GB": (lambda folder: huge(folder, "CARD.md", 10**9), "954 MiB, more than 16"),
    "100 files": (
        lambda folder: changed_files(folder, **{f"f{number}": "0" * 64 for number in range(100)}),
        "names 102 files, more than 64",
    ),
    "another version": (lambda folder: changed(folder, manifest_version=99), "manifest_version is 99"),
    "a check vector of 150 %": (
        lambda folder: changed(folder, check_vectors=[{"values": [0, 0], "probabilities": [1.5]}]),
        "check_vectors hold no probabilities",
    ),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_what_is_broken_is_refused_by_a_sentence(tmp_path: Path, name: str) -> None:
    breaks, words = BROKEN[name]
    folder = write_bundle(tmp_path, manifest("made"))
    load_bundle(folder)
    breaks(folder)

    with pytest.raises(BundleInvalid, match=words) as caught:
        load_bundle(folder)

    assert caught.value.code == "BUNDLE_INVALID"
    assert caught.value.sentence.endswith(".")
    assert caught.value.next_step


def constant(value: float) -> bytes:
    """A graph that answers ``value`` to everything."""
    nodes = [
        helper.make_node("Constant", [], [name], value=helper.make_tensor(name, TensorProto.DOUBLE, [1, 1], [value]))
        for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    ]
    given = helper.make_tensor_value_info(FEATURE_INPUT, TensorProto.DOUBLE, [None, 2])
    answers = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1, 1]) for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    ]
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(helper.make_graph(nodes, "g", [given], answers), opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def outside_the_bundle() -> bytes:
    """A graph whose weights lie in another file."""
    import onnx

    model = onnx.load_from_string(graph([1.0, 1.0], 0.0))
    weights = model.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/passwd")
    return bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (constant(5.0), "gives probabilities outside 0 to 1"),
        (constant(-0.1), "gives probabilities outside 0 to 1"),
        (constant(float("nan")), "gives numbers that are not finite"),
        (constant(float("inf")), "gives numbers that are not finite"),
        (outside_the_bundle(), "does not run"),
    ],
)
def test_a_graph_that_cannot_be_right_is_refused_at_verification(tmp_path: Path, model: bytes, words: str) -> None:
    bundle = load_bundle(write_bundle(tmp_path, manifest("made"), model=model))

    with pytest.raises(BundleInvalid, match=words):
        check_runs(bundle)


def test_a_graph_that_is_right_on_probes_alone_is_found_by_its_check_vectors(tmp_path: Path) -> None:
    vector = CheckVector((3.0, 1.0), (0.9,))
    bundle = load_bundle(write_bundle(tmp_path, manifest("made", check_vectors=(vector,)), model=constant(0.5)))

    with pytest.raises(BundleInvalid, match=r"answers a check vector otherwise than its manifest says \(by 0\.4\)"):
        check_runs(bundle)


def test_a_demonstration_that_calls_itself_none_is_not_believed(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path, manifest("made"))
    trust: Trust = trusting(tmp_path)
    trust.provenance(load_bundle(folder))
    changed(folder, demonstration=False)

    with pytest.raises(BundleInvalid) as caught:
        trust.provenance(replace(load_bundle(folder)))

    assert caught.value.code == "BUNDLE_UNTRUSTED"
