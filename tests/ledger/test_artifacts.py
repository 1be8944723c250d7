from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.world import SmallAnalyser, SmallReporter
from trabecula.domain.errors import SpoolObjectMissing, SpoolUnavailable
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.result import ResultObject
from trabecula.domain.study.study import StoredFile
from trabecula.ledger.label_maps import AnalysisStore


def small_analysis() -> Analysis:
    return SmallAnalyser().analyse("1.2", 1, (StoredFile("/a", "1.2.3", "1.2", "1.5"),))


def small_objects() -> tuple[ResultObject, ...]:
    from datetime import UTC, datetime

    return SmallReporter().report(small_analysis(), ReportContext(datetime(2026, 1, 1, tzinfo=UTC), "1.9", ()))


def test_an_analysis_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    store, analysis = AnalysisStore(tmp_path), small_analysis()

    store.save_analysis(analysis)

    assert store.load_result("1.2", 1) == analysis.result
    (kept,) = store.load_labels("1.2", 1)
    assert np.array_equal(kept.labels, analysis.volumes[0].labels)
    assert kept.labels.dtype == np.uint8
    assert (kept.sop_instance_uids, kept.file_uids, kept.series_uid) == (("1.2.3",), ("1.2.3",), "1.5")


def test_the_frames_of_a_multi_frame_image_are_kept(tmp_path: Path) -> None:
    store, analysis = AnalysisStore(tmp_path), small_analysis()
    (item,) = analysis.volumes
    framed = replace(item, volume=replace(item.volume, source_frames=(7,)))

    store.save_analysis(replace(analysis, volumes=(framed, item)))

    assert [kept.frames for kept in store.load_labels("1.2", 1)] == [(7,), ()]


def test_label_maps_of_an_earlier_run_do_not_stay(tmp_path: Path) -> None:
    store, analysis = AnalysisStore(tmp_path), small_analysis()
    store.save_analysis(Analysis(analysis.result, analysis.volumes * 2))

    store.save_analysis(Analysis(analysis.result, ()))

    assert store.load_labels("1.2", 1) == ()


def test_objects_come_back_byte_for_byte_with_their_alternatives(tmp_path: Path) -> None:
    store, objects = AnalysisStore(tmp_path), small_objects()

    store.save_objects("1.2", 1, objects)

    assert store.load_objects("1.2", 1) == objects
    assert {path.name for path in (tmp_path / "1.2" / "1").glob("*.dcm")} == {
        "SR.dcm", "SR-alternative-1.dcm", "SEG.dcm", "SC.dcm",
    }  # fmt: skip


@pytest.mark.parametrize("damage", ["removed", "altered"])
def test_a_lost_or_altered_object_is_never_sent(tmp_path: Path, damage: str) -> None:
    store = AnalysisStore(tmp_path)
    store.save_objects("1.2", 1, small_objects())
    path = tmp_path / "1.2" / "1" / "SR.dcm"
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"something else")

    with pytest.raises(SpoolObjectMissing) as caught:
        store.load_objects("1.2", 1)

    assert caught.value.code == "SPOOL_OBJECT_MISSING"
    assert str(path) in caught.value.sentence
    assert "reprocess" in caught.value.next_step


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(SpoolUnavailable) as caught:
        AnalysisStore(tmp_path / "file").folder("1.2", 1)

    assert caught.value.code == "SPOOL_UNAVAILABLE"


def test_nobody_else_reads_results(tmp_path: Path) -> None:
    AnalysisStore(tmp_path / "results").folder("1.2", 1)

    assert stat.S_IMODE((tmp_path / "results").stat().st_mode) == 0o700


@given(study_uid=st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_no_study_uid_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, study_uid: str) -> None:
    root = tmp_path_factory.mktemp("artifacts", numbered=True)

    folder = AnalysisStore(root).folder(study_uid, 3)

    assert folder.resolve().parent.parent == root.resolve()
    assert folder.name == "3"


@given(st.text(max_size=40))
def test_different_odd_uids_have_different_folders(text: str) -> None:
    from trabecula.ledger.artifacts import _hashed

    assert _hashed(text) != _hashed(text + "x")
