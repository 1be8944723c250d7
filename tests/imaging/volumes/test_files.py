"""Volume files: every voxel keeps its place in the patient, odd headers are mended or refused in plain words."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trabecula.domain.errors import GeometryInvalid, InputUnreadable, TrabeculaError
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Plane, Volume
from trabecula.imaging.volumes.files import (
    is_volume_file,
    read_labels_on,
    read_volume_file,
    sagittal_readings,
    write_label_file,
    write_labels_of,
    write_nifti_image,
)

SHEARED = np.array([[0.9, 0.0, 0.1, -20.0], [0.0, 0.9, 0.3, 5.0], [0.0, 0.0, 2.0, 40.0], [0, 0, 0, 1.0]])


def image_array(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 900, shape).astype(np.int16)


def save(path: Path, data: np.ndarray, affine: np.ndarray | None) -> Path:
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


orientations = st.permutations([0, 1, 2]).flatmap(
    lambda order: st.tuples(st.just(order), st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(orientations, st.tuples(*[st.floats(0.4, 5.0)] * 3))
def test_every_voxel_keeps_its_place(
    tmp_path: Path, orientation: tuple[list[int], tuple[float, ...]], spacing: tuple[float, float, float]
) -> None:
    order, signs = orientation
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[order] * np.array(signs) * np.array(spacing)
    affine[:3, 3] = [12.0, -7.0, 30.0]
    data = image_array((5, 6, 7))
    path = save(tmp_path / "image.nii.gz", data, affine)

    source = read_volume_file(path)

    index = np.argwhere(source.volume.array == data[3, 1, 4])
    ras = affine @ [3, 1, 4, 1]
    lps = source.volume.geometry.to_lps(index.astype(float)) * [-1, -1, 1]
    assert np.abs(lps - ras[:3]).sum(axis=1).min() < 1e-3


@pytest.mark.parametrize("suffix", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("shape", [(5, 6, 7), (1, 6, 7), (6, 7, 1), (6, 7)])
def test_labels_come_back_on_the_grid_of_the_file(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    path = save(tmp_path / "image.nii.gz", image_array(shape), np.diag([-0.8, 0.7, 3.0, 1.0]))
    source = read_volume_file(path)
    labels = (source.volume.array % 27).astype(np.uint8)

    out = tmp_path / "deep" / f"labels{suffix}"
    write_label_file(out, labels, source)

    if suffix.startswith(".nii"):
        written = nib.load(out)
        assert written.shape == shape
        assert written.get_data_dtype() == np.uint8
        assert np.allclose(written.affine, source.affine, atol=1e-4)
        assert np.array_equal(np.asarray(written.dataobj), image_array(shape) % 27)
    if len(shape) == 3:
        assert np.array_equal(read_labels_on(out, source.volume.geometry), labels)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_itk_files_lie_where_itk_says(tmp_path: Path, suffix: str) -> None:
    image = SimpleITK.GetImageFromArray(image_array((4, 6, 5)))
    image.SetSpacing((0.7, 0.8, 3.0))
    image.SetOrigin((10.0, -20.0, 30.0))
    image.SetDirection((0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    path = tmp_path / f"image{suffix}"
    SimpleITK.WriteImage(image, str(path))

    source = read_volume_file(path, Modality.MR)

    value = source.volume.array[2, 3, 1]
    assert value == SimpleITK.GetArrayFromImage(image)[2, 3, 1]
    expected = image.TransformContinuousIndexToPhysicalPoint((1.0, 3.0, 2.0))
    assert np.allclose(source.volume.geometry.to_lps(np.array([2.0, 3.0, 1.0])), expected)
    assert source.volume.geometry.plane is Plane.SAGITTAL


def test_the_modality_is_read_from_the_intensities_unless_given(tmp_path: Path) -> None:
    ct = save(tmp_path / "ct.nii", image_array((3, 4, 5)) - 1000, np.eye(4))
    mr = save(tmp_path / "mr.nii", image_array((3, 4, 5)), np.eye(4))

    assert read_volume_file(ct).volume.modality is Modality.CT
    assert read_volume_file(mr).volume.modality is Modality.MR
    assert read_volume_file(mr, Modality.CT).volume.modality is Modality.CT
    assert read_volume_file(mr).modality_guessed
    assert not read_volume_file(mr, Modality.CT).modality_guessed


def test_slices_are_the_coarse_axis(tmp_path: Path) -> None:
    path = save(tmp_path / "sagittal.nii", image_array((9, 20, 21)), np.diag([4.0, 0.8, 0.8, 1.0]))

    volume = read_volume_file(path).volume

    assert volume.array.shape == (9, 21, 20)
    assert volume.geometry.spacing_mm == pytest.approx((4.0, 0.8, 0.8))
    assert volume.geometry.plane is Plane.SAGITTAL


@pytest.mark.parametrize("endian", ["<", ">"])
def test_big_endian_and_scaled_integers(tmp_path: Path, endian: str) -> None:
    header = nib.Nifti1Header(endianness=endian)
    header.set_data_dtype(np.dtype("int16").newbyteorder(endian))
    image = nib.Nifti1Image(image_array((3, 4, 5)).astype(np.float32) * 0.5 - 1024, np.eye(4), header)
    path = tmp_path / "image.nii"
    nib.save(image, path)

    volume = read_volume_file(path).volume

    assert np.allclose(volume.array.transpose(2, 1, 0), image_array((3, 4, 5)) * 0.5 - 1024, atol=0.05)


def test_metres_and_microns_become_millimetres(tmp_path: Path) -> None:
    image = nib.Nifti1Image(image_array((3, 4, 5)), np.diag([0.0008, 0.0008, 0.003, 1.0]))
    image.header.set_xyzt_units("meter")
    path = tmp_path / "metres.nii"
    nib.save(image, path)

    assert read_volume_file(path).volume.geometry.spacing_mm == pytest.approx((3.0, 0.8, 0.8))


def test_a_header_without_orientation_gives_a_grid_from_the_pixel_sizes(tmp_path: Path) -> None:
    image = nib.Nifti1Image(image_array((6, 7, 8)), None)
    image.header.set_zooms((0.7, 0.7, 4.0))
    path = tmp_path / "plain.nii"
    nib.save(image, path)

    source = read_volume_file(path)

    assert not source.oriented
    assert source.volume.geometry.spacing_mm == pytest.approx((4.0, 0.7, 0.7))
    assert sagittal_readings(source) == (source,)


@pytest.mark.parametrize("shape", [(30, 20), (30, 20, 1)])
def test_a_flat_image_without_orientation_is_read_as_sagittal_both_ways(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = nib.Nifti1Image(image_array(shape), None)
    image.header.set_zooms((0.7, 0.8, 4.0)[: len(shape)])
    path = tmp_path / "flat.nii"
    nib.save(image, path)

    readings = sagittal_readings(read_volume_file(path))

    assert len(readings) == 2
    assert {reading.volume.geometry.plane for reading in readings} == {Plane.SAGITTAL}
    first, second = (reading.volume.geometry for reading in readings)
    # Array axes are [slice, row = j, column = i]: i downward and j to posterior, then i to posterior and j upward.
    assert np.allclose(first.directions[:, 2], [0, 0, -1])
    assert np.allclose(first.directions[:, 1], [0, 1, 0])
    assert np.allclose(second.directions[:, 2], [0, 1, 0])
    assert np.allclose(second.directions[:, 1], [0, 0, 1])
    assert first.spacing_mm[1:] == pytest.approx((0.8, 0.7))


def test_one_frame_in_four_dimensions_is_one_volume(tmp_path: Path) -> None:
    path = save(tmp_path / "four.nii", image_array((4, 5, 6, 1)), np.eye(4))

    assert read_volume_file(path).shape == (4, 5, 6)


def test_values_that_are_no_numbers_are_padding(tmp_path: Path) -> None:
    data = image_array((3, 4, 5)).astype(np.float32)
    data[0, 0, 0] = np.nan
    path = save(tmp_path / "nan.nii", data, np.eye(4))

    volume = read_volume_file(path).volume

    assert np.isfinite(volume.array).all()
    assert volume.padding is not None
    assert volume.padding.sum() == 1


def test_a_sheared_grid_keeps_its_shear(tmp_path: Path) -> None:
    path = save(tmp_path / "tilt.nii", image_array((4, 5, 6)), SHEARED)

    source = read_volume_file(path)
    write_label_file(tmp_path / "labels.nii.gz", np.ones(source.volume.array.shape, dtype=np.uint8), source)

    assert np.allclose(nib.load(tmp_path / "labels.nii.gz").affine, SHEARED, atol=1e-5)


def refuse(path: Path) -> TrabeculaError:
    with pytest.raises(TrabeculaError) as caught:
        read_volume_file(path)
    assert caught.value.next_step
    assert caught.value.sentence.endswith(".")
    return caught.value


def test_what_is_not_a_volume_is_refused_in_words(tmp_path: Path) -> None:
    several = save(tmp_path / "several.nii", image_array((4, 5, 6, 3)), np.eye(4))
    text = tmp_path / "text.nii.gz"
    text.write_text("no image")
    rgb = np.zeros((3, 3, 3), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour = save(tmp_path / "colour.nii", rgb, np.eye(4))
    vectors = tmp_path / "vectors.mha"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(image_array((3, 4, 5, 2)), isVector=True), str(vectors))
    line = save(tmp_path / "line.nii", image_array((9,)), np.eye(4))

    for path, words in [
        (several, "holds 3 volumes"),
        (text, "text.nii.gz"),
        (colour, "colours"),
        (vectors, "vectors"),
        (line, "sizes"),
        (tmp_path / "absent.nii", "absent.nii"),
        (tmp_path / "absent.mha", "absent.mha"),
    ]:
        error = refuse(path)
        assert isinstance(error, InputUnreadable)
        assert words in error.sentence


def test_a_flat_affine_of_a_volume_is_mended_from_the_pixel_sizes(tmp_path: Path) -> None:
    image = nib.Nifti1Image(image_array((4, 5, 6)), np.eye(4))
    image.header["srow_x"], image.header["srow_y"], image.header["srow_z"] = [[0, 0, 0, 0]] * 3
    image.header["sform_code"], image.header["qform_code"] = 1, 0
    path = tmp_path / "zero.nii"
    path.write_bytes(image.header.binaryblock + b"\0" * 4 + image_array((4, 5, 6)).tobytes("F"))

    assert not read_volume_file(path).oriented


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz", "image.nrrd", "image.mha"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused_never_worse(tmp_path: Path, name: str, data: st.DataObject) -> None:
    source = read_volume_file(save(tmp_path / "good.nii", image_array((4, 5, 6)), np.eye(4)))
    path = tmp_path / name
    write_label_file(path, np.ones(source.volume.array.shape, dtype=np.uint8), source)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])

    code = ""
    try:
        assert np.isfinite(read_volume_file(path).volume.array).all()
    except TrabeculaError as error:
        code = error.code
    assert code in ("", "INPUT_UNREADABLE", "GEOMETRY_INVALID")


def test_labels_of_a_dicom_volume_lie_in_ras(tmp_path: Path) -> None:
    affine = np.array([[0, 0, 0.7, 10.0], [0, 0.7, 0, -5.0], [3.0, 0, 0, 80.0], [0, 0, 0, 1.0]])
    geometry = Geometry((4, 5, 6), affine)
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[1, 2, 3] = 22

    write_labels_of(tmp_path / "labels.nii.gz", labels, geometry)

    image = nib.load(tmp_path / "labels.nii.gz")
    place = np.argwhere(np.asarray(image.dataobj) == 22)[0]
    ras = image.affine @ [*place, 1]
    assert np.allclose(ras[:3] * [-1, -1, 1], geometry.to_lps(np.array([1.0, 2.0, 3.0])), atol=1e-4)


def test_an_image_written_for_others_reads_back(tmp_path: Path) -> None:
    affine = np.array([[3.0, 0, 0, 10.0], [0, 0, 0.7, -5.0], [0, -0.7, 0, 80.0], [0, 0, 0, 1.0]])
    volume = Volume(
        array=image_array((4, 5, 6)).astype(np.float32), geometry=Geometry((4, 5, 6), affine), modality=Modality.MR
    )

    write_nifti_image(tmp_path / "image.nii.gz", volume)

    again = read_volume_file(tmp_path / "image.nii.gz").volume
    assert np.array_equal(again.array, volume.array)
    assert np.allclose(again.geometry.affine, affine, atol=1e-4)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flips", [(), (0,), (1, 2)])
def test_permuted_and_flipped_labels_find_their_place(
    tmp_path: Path, order: tuple[int, int, int], flips: tuple[int, ...]
) -> None:
    geometry = Geometry((4, 5, 6), np.diag([3.0, 0.7, 0.9, 1.0]))
    labels = np.arange(120, dtype=np.uint8).reshape(4, 5, 6)
    write_labels_of(tmp_path / "plain.nii", labels, geometry)
    image = nib.load(tmp_path / "plain.nii")
    turns = np.array([[axis, -1 if axis in flips else 1] for axis in order], dtype=float)
    nib.save(image.as_reoriented(turns), tmp_path / "turned.nii")

    assert np.array_equal(read_labels_on(tmp_path / "turned.nii", geometry), labels)


def test_labels_on_another_grid_are_refused(tmp_path: Path) -> None:
    geometry = Geometry((4, 5, 6), np.diag([3.0, 0.7, 0.9, 1.0]))
    labels = np.zeros((4, 5, 6), dtype=np.uint8)
    cases = {
        "shifted": Geometry((4, 5, 6), np.diag([3.0, 0.7, 0.9, 1.0]) + np.array([[0, 0, 0, 9.0], *[[0] * 4] * 3])),
        "coarser": Geometry((4, 5, 6), np.diag([3.0, 1.4, 0.9, 1.0])),
    }
    for name, other in cases.items():
        write_labels_of(tmp_path / f"{name}.nii", labels, other)
        with pytest.raises(GeometryInvalid):
            read_labels_on(tmp_path / f"{name}.nii", geometry)
    write_labels_of(tmp_path / "smaller.nii", labels[:3], Geometry((3, 5, 6), geometry.affine))
    with pytest.raises(GeometryInvalid, match="voxels"):
        read_labels_on(tmp_path / "smaller.nii", geometry)


def test_names(tmp_path: Path) -> None:
    assert is_volume_file(Path("a.NII.GZ"))
    assert not is_volume_file(Path("a.dcm"))
    source = read_volume_file(save(tmp_path / "a.nii", image_array((3, 3, 3)), np.eye(4)))
    with pytest.raises(InputUnreadable, match="can be written"):
        write_label_file(tmp_path / "labels.png", np.zeros((3, 3, 3), dtype=np.uint8), source)
