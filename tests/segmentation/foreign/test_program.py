"""External programs: a stand-in is really run; late, failing and odd ones become errors with their last words."""

from __future__ import annotations

import json
import os
import stat
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from tests.segmentation.drawn_spines import LEVELS, dice, draw_spine, spine_grid, spine_volume
from trabecula.domain.errors import ConfigurationInvalid, SegmenterFailed, SegmenterTimeout
from trabecula.domain.modality import Modality
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.segmentation.foreign.environment import private_environment
from trabecula.segmentation.foreign.label_maps import label_map
from trabecula.segmentation.foreign.program import ExternalProgram, ExternalSegmenter

GEOMETRY = spine_grid()


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A stand-in that knows the truth: it copies arrays saved beside it into the files its arguments name."""
    bodies, whole, canal = draw_spine(GEOMETRY)
    np.savez(tmp_path / "truth.npz", bodies=bodies, whole=whole, canal=canal)
    script = tmp_path / "standin"
    script.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable}
        import sys
        from pathlib import Path
        import nibabel, numpy as np
        truth = np.load({str(tmp_path / "truth.npz")!r})
        image = nibabel.load(sys.argv[1])
        def write(path, array):
            path = Path(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            data = array.transpose(2, 1, 0).astype(np.uint8)
            assert data.shape == image.shape
            nibabel.save(nibabel.Nifti1Image(data, image.affine), path)
        """)
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


def extend(program: Path, lines: str) -> Path:
    program.write_text(program.read_text() + textwrap.dedent(lines))
    return program


def segmenter(program: Path, arguments: str, name: str = "trabecula", timeout: float = 60.0) -> ExternalSegmenter:
    return ExternalSegmenter(ExternalProgram("standin", name, f"{program} {arguments}", timeout))


def volume() -> Volume:
    return spine_volume(GEOMETRY)


def test_labels_in_our_numbers_come_through(program: Path) -> None:
    extend(program, "write(sys.argv[2], truth['bodies'])\n")

    result = segmenter(program, "{input} {output}").segment(volume())

    assert [body.level for body in result.bodies] == list(LEVELS)
    assert np.array_equal(result.labels, draw_spine(GEOMETRY)[0])
    assert result.segmenter.name == "external:standin"
    assert result.timings_s["external"] > 0


def test_totalsegmentators_two_tasks_are_joined(program: Path) -> None:
    extend(
        program,
        """
        table = np.zeros(256, np.uint8)
        for ours, theirs in ((22, 29), (23, 28), (24, 27)):
            table[ours] = theirs
        if sys.argv[3] == "total":
            write(sys.argv[2], table[truth['whole']])
        else:
            write(sys.argv[2], truth['bodies'] > 0)
        """,
    )
    command = "{input} {output} total && " + f"{program} {{input}} {{output_dir}}/bodies.nii.gz vertebrae_body"

    result = segmenter(program, command, "totalsegmentator").segment(volume())

    assert np.array_equal(result.labels, draw_spine(GEOMETRY)[0])
    assert result.numbering == "named by TotalSegmentator"
    assert result.quality == label_map("totalsegmentator").expected_dice


def test_without_its_body_task_whole_vertebrae_are_cut_by_shape(program: Path) -> None:
    extend(program, "write(sys.argv[2], np.where(truth['whole'] > 0, 51 - truth['whole'], 0))\n")

    result = segmenter(program, "{input} {output}", "totalsegmentator").segment(volume())

    assert [body.level for body in result.bodies] == list(LEVELS)
    assert dice(result.labels > 0, draw_spine(GEOMETRY)[0] > 0) > 0.95


def test_totalspinesegs_folders_and_canal(program: Path) -> None:
    extend(
        program,
        """
        labels = np.where(truth['whole'] > 0, truth['whole'] + 21, 0)
        labels[truth['canal']] = 2
        write(Path(sys.argv[2]) / "step2_output" / "image.nii.gz", labels)
        """,
    )

    result = segmenter(program, "{input} {output_dir}/out", "totalspineseg").segment(volume())

    assert [body.level for body in result.bodies] == list(LEVELS)
    assert dice(result.labels > 0, draw_spine(GEOMETRY)[0] > 0) > 0.95
    assert result.tissues is not None
    assert np.array_equal(result.tissues == TISSUE_LABELS[Tissue.CANAL], draw_spine(GEOMETRY)[2])


def test_spineps_writes_beside_its_input_and_names_corpus_and_endplates(program: Path) -> None:
    extend(
        program,
        """
        folder = Path(sys.argv[1]).parent / "derivatives_seg" / "deep"
        assert Path(sys.argv[1]).name == "sub-trabecula_acq-sag_T2w.nii.gz"
        write(folder / "sub-trabecula_mod-T2w_seg-vert_msk.nii.gz", truth['whole'])
        regions = np.where(truth['bodies'] > 0, 49, np.where(truth['whole'] > 0, 41, 0))
        regions[truth['canal']] = 61
        write(folder / "sub-trabecula_mod-T2w_seg-spine_msk.nii.gz", regions)
        """,
    )

    result = segmenter(program, "{input}", "spineps").segment(spine_volume(GEOMETRY, Modality.MR))

    assert np.array_equal(result.labels, draw_spine(GEOMETRY)[0])
    assert result.tissues is not None
    assert (result.tissues == TISSUE_LABELS[Tissue.CANAL]).any()


def test_a_late_program_is_ended_with_its_children(program: Path, tmp_path: Path) -> None:
    extend(
        program,
        f"""
        import subprocess, time
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path({str(tmp_path / "child")!r}).write_text(str(child.pid))
        print("step 1 of 9", flush=True)
        time.sleep(600)
        """,
    )

    with pytest.raises(SegmenterTimeout) as caught:
        segmenter(program, "{input} {output}", timeout=4.0).segment(volume())

    assert caught.value.code == "SEGMENTER_TIMEOUT"
    assert caught.value.retryable
    assert "longer than 4 s" in caught.value.sentence
    assert "step 1 of 9" in caught.value.sentence
    assert "time-out" in caught.value.next_step
    pid = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _runs(pid) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("print('license number is missing'); sys.exit(7)\n", ["exit code 7", "license number is missing"]),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n", ["signal 9"]),
        ("print('all done')\n", ["wrote no labels.nii.gz", "all done"]),
        ("nibabel.save(nibabel.Nifti1Image(np.zeros((3, 3, 3)), np.eye(4)), sys.argv[2])\n", ["grid"]),
        ("Path(sys.argv[2]).write_bytes(b'rubbish')\n", ["labels.nii.gz"]),
    ],
)
def test_what_goes_wrong_is_told_with_its_last_words(program: Path, lines: str, words: list[str]) -> None:
    extend(program, lines)

    with pytest.raises(SegmenterFailed) as caught:
        segmenter(program, "{input} {output}").segment(volume())

    assert caught.value.code == "SEGMENTER_FAILED"
    assert caught.value.next_step
    for word in words:
        assert word in caught.value.sentence


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SegmenterFailed, match="cannot be started"):
        segmenter(tmp_path / "absent", "{input}").segment(volume())


def test_a_program_for_the_other_modality(program: Path) -> None:
    with pytest.raises(SegmenterFailed, match="does not read MR"):
        segmenter(program, "{input} {output}", "totalsegmentator").segment(spine_volume(GEOMETRY, Modality.MR))


@pytest.mark.parametrize(
    "program_settings",
    [
        ExternalProgram("x", "trabecula", ""),
        ExternalProgram("x", "trabecula", "tool --no-input"),
        ExternalProgram("x", "trabecula", "tool '{input}"),
        ExternalProgram("x", "trabecula", "tool {input} &&"),
        ExternalProgram("x", "nowhere", "tool {input}"),
        ExternalProgram("x", "trabecula", "tool {input}", 0.0),
    ],
)
def test_configurations_that_cannot_be_meant(program_settings: ExternalProgram) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        ExternalSegmenter(program_settings)

    assert caught.value.next_step


def test_shipped_commands_are_taken_where_none_is_configured() -> None:
    for name in ("totalsegmentator", "totalspineseg", "spineps", "spineps-t1w", "spineps-ct"):
        assert ExternalSegmenter(ExternalProgram(name, name)).identity.name == f"external:{name}"


def test_usage_statistics_are_off_and_our_settings_stay_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = tmp_path / "usual"
    usual.mkdir()
    (usual / "config.json").write_text(json.dumps({"send_usage_stats": True, "license_number": "aca_123"}))
    monkeypatch.setenv("TOTALSEG_HOME_DIR", str(usual))
    monkeypatch.setenv("TRABECULA_DATABASE_URL", "postgresql://secret")

    environment = private_environment(label_map("totalsegmentator"), tmp_path / "private")

    config = json.loads((Path(environment["TOTALSEG_HOME_DIR"]) / "config.json").read_text())
    assert config["send_usage_stats"] is False
    assert config["license_number"] == "aca_123"
    assert environment["TOTALSEG_WEIGHTS_PATH"] == str(usual / "nnunet" / "results")
    assert environment["DO_NOT_TRACK"] == "1"
    assert not [key for key in environment if key.startswith("TRABECULA_")]
    assert "TOTALSEG_WEIGHTS_PATH" not in private_environment(label_map("spineps"), tmp_path / "other")


def test_a_program_sees_its_own_configuration(program: Path, tmp_path: Path) -> None:
    extend(
        program,
        """
        import json, os
        config = json.loads((Path(os.environ["TOTALSEG_HOME_DIR"]) / "config.json").read_text())
        sys.exit(3 if config["send_usage_stats"] else 4)
        """,
    )

    with pytest.raises(SegmenterFailed, match="exit code 4"):
        segmenter(program, "{input}", "totalsegmentator").segment(volume())
