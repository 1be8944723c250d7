"""Pixels to volumes: rescale, padding, order, multi-frame, and every way in which they cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate

from tests.imaging.drawn_series import CT_TAGS, MR_TAGS, axial, sagittal, write_enhanced, write_stack
from trabecula.domain.errors import GeometryInvalid, PixelDataUndecodable, SpoolObjectMissing
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split
from trabecula.imaging.volumes.dicom import SeriesLoader, load_volume


def volume_of(folder: Path) -> Volume:
    frames, _, _ = read_headers(scan_folder(folder))
    stack = check_geometry(split(frames)[0])
    assert isinstance(stack, RegularStack)
    return load_volume(stack)


def test_values_are_rescaled_and_lie_where_they_were_drawn(tmp_path: Path) -> None:
    geometry = axial((6, 8, 10), (3.0, 0.7, 0.8), top_z=12.0)
    array = np.arange(480).reshape(6, 8, 10)
    write_stack(tmp_path, array, geometry, {**CT_TAGS, "RescaleSlope": "2", "RescaleIntercept": "-1024"})
    volume = volume_of(tmp_path)
    assert volume.array.dtype == np.float32
    assert volume.modality is Modality.CT
    assert np.array_equal(volume.array, 2 * array - 1024)
    assert np.allclose(volume.geometry.affine, geometry.affine, atol=1e-5)
    assert volume.source_uids == tuple(f"2.25.1.1.{number}" for number in range(1, 7))


def test_slices_sent_from_head_to_foot_become_the_same_volume(tmp_path: Path) -> None:
    geometry = sagittal((7, 8, 9), (4.0, 1.0, 1.0))
    array = np.random.default_rng(1).integers(0, 900, geometry.shape)
    write_stack(tmp_path / "a", array, geometry, MR_TAGS)
    flipped = np.array(geometry.affine)
    flipped[:3, 3] += 6 * flipped[:3, 0]
    flipped[:3, 0] *= -1
    write_stack(tmp_path / "b", array[::-1], type(geometry)(geometry.shape, flipped), MR_TAGS, series=2)
    one, other = volume_of(tmp_path / "a"), volume_of(tmp_path / "b")
    assert np.allclose(one.geometry.affine, other.geometry.affine, atol=1e-4)
    assert np.array_equal(one.array, other.array)


@pytest.mark.parametrize(("fill", "tags"), [(-2048, {}), (-3024, {}), (-1000, {"PixelPaddingValue": -1000})])
def test_what_the_scanner_did_not_measure_is_padding(tmp_path: Path, fill: int, tags: dict[str, object]) -> None:
    geometry = axial((5, 8, 8), (3.0, 1.0, 1.0))
    array = np.full(geometry.shape, 40)
    array[:, :2] = fill
    write_stack(tmp_path, array, geometry, {**CT_TAGS, **tags})
    volume = volume_of(tmp_path)
    assert volume.padding is not None
    assert volume.padding[:, :2].all()
    assert not volume.padding[:, 2:].any()
    assert (volume.array[:, :2] == -1024).all()


def test_negative_mr_signals_are_kept(tmp_path: Path) -> None:
    geometry = sagittal((5, 8, 8), (4.0, 1.0, 1.0))
    write_stack(tmp_path, np.full(geometry.shape, -300), geometry, MR_TAGS)
    volume = volume_of(tmp_path)
    assert volume.padding is None
    assert (volume.array == -300).all()


def test_enhanced_frames_are_sorted_and_rescaled(tmp_path: Path) -> None:
    geometry = sagittal((6, 8, 8), (4.0, 1.0, 1.0))
    array = 2 * np.arange(6 * 64).reshape(geometry.shape)
    write_enhanced(tmp_path / "e.dcm", array, geometry, [3, 1, 2, 0, 5, 4])
    volume = volume_of(tmp_path)
    assert np.array_equal(volume.array, array[::-1])  # slices grow along row x column cosines: to the right here
    assert np.allclose(volume.geometry.to_lps(np.zeros(3)), geometry.to_lps(np.array([5.0, 0.0, 0.0])), atol=1e-4)
    assert set(volume.source_uids) == {"2.25.1.7.1"}


def test_the_loader_gives_exactly_the_named_instances_in_order(tmp_path: Path) -> None:
    geometry = axial((8, 6, 6), (2.0, 1.0, 1.0))
    array = np.random.default_rng(2).integers(-100, 400, geometry.shape)
    write_stack(tmp_path, array, geometry, CT_TAGS)
    files = scan_folder(tmp_path)
    uids = volume_of(tmp_path).source_uids
    loader = SeriesLoader()
    assert np.array_equal(loader.load(files, uids).array, array)
    assert np.array_equal(loader.load(files, uids[2:7]).array, array[2:7])
    backwards = loader.load(files, uids[::-1])
    assert np.array_equal(backwards.array, array[::-1])
    assert np.allclose(backwards.geometry.to_lps(np.zeros(3)), geometry.to_lps(np.array([7.0, 0.0, 0.0])))


def test_the_loader_reads_a_multi_frame_image_again(tmp_path: Path) -> None:
    geometry = sagittal((6, 8, 8), (4.0, 1.0, 1.0))
    array = 2 * np.arange(6 * 64).reshape(geometry.shape)
    write_enhanced(tmp_path / "e.dcm", array, geometry, [5, 4, 3, 2, 1, 0])
    loaded = SeriesLoader().load(scan_folder(tmp_path), ["2.25.1.7.1"] * 6)
    assert np.array_equal(loaded.array, array[::-1])
    with pytest.raises(GeometryInvalid) as caught:
        SeriesLoader().load(scan_folder(tmp_path), ["2.25.1.7.1"] * 5)
    assert caught.value.code == "GEOMETRY_INVALID"
    assert "5 frames" in caught.value.sentence


def test_the_loader_reads_exactly_the_named_frames(tmp_path: Path) -> None:
    """Two kinds of image of every slice in one object: the position does not tell them apart, the number does."""
    geometry = sagittal((6, 8, 8), (4.0, 1.0, 1.0))
    array = 2 * np.arange(6 * 64).reshape(geometry.shape)
    write_enhanced(tmp_path / "e.dcm", array, geometry, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5])
    files, uids = scan_folder(tmp_path), ["2.25.1.7.1"] * 6

    first, second = (SeriesLoader().load(files, uids, range(start, 13, 2)) for start in (1, 2))

    assert first.source_frames == (1, 3, 5, 7, 9, 11)
    assert second.source_frames == (2, 4, 6, 8, 10, 12)
    assert np.array_equal(second.array, array)
    with pytest.raises(SpoolObjectMissing, match="1 of 6 frames"):
        SeriesLoader().load(files, uids, [1, 3, 5, 7, 9, 13])


def test_the_loader_refuses_an_order_that_is_no_stack(tmp_path: Path) -> None:
    geometry = axial((6, 6, 6), (2.0, 1.0, 1.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)
    uids = list(volume_of(tmp_path).source_uids)
    with pytest.raises(GeometryInvalid) as caught:
        SeriesLoader().load(scan_folder(tmp_path), [uids[1], uids[0], *uids[2:]])
    assert caught.value.next_step == "Send the complete original series with position and orientation."


def test_the_loader_names_what_is_gone(tmp_path: Path) -> None:
    geometry = axial((6, 6, 6), (2.0, 1.0, 1.0))
    paths = write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)
    files, uids = scan_folder(tmp_path), volume_of(tmp_path).source_uids
    paths[2].unlink()
    with pytest.raises(SpoolObjectMissing) as caught:
        SeriesLoader().load(files, uids)
    assert caught.value.code == "SPOOL_OBJECT_MISSING"
    assert "1 of 6" in caught.value.sentence
    assert "reprocess" in caught.value.next_step
    with pytest.raises(SpoolObjectMissing):
        SeriesLoader().load(files[3:], uids)


@pytest.mark.parametrize("damage", ["short", "syntax"])
def test_pixels_that_cannot_be_decoded_are_named(tmp_path: Path, damage: str) -> None:
    geometry = axial((5, 8, 8), (3.0, 1.0, 1.0))
    path = write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)[1]
    dataset = dcmread(path)
    if damage == "short":
        dataset.PixelData = dataset.PixelData[:20]
    else:
        dataset.PixelData = encapsulate([b"no JPEG at all"])
        dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
    dataset.save_as(path)
    with pytest.raises(PixelDataUndecodable) as caught:
        volume_of(tmp_path)
    assert caught.value.code == "PIXEL_DATA_UNDECODABLE"
    assert "2.25.1.1" in caught.value.sentence
    assert caught.value.next_step == "Send the series in another transfer syntax."
