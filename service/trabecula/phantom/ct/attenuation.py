"""Attenuation of every tissue of a phantom: from bone density, fat, tube voltage and contrast phase to HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy import AnatomyMap, PhantomTissue, Spine
from trabecula.phantom.fields import texture_at
from trabecula.phantom.partial_volume import places
from trabecula.phantom.patient import BoneTruth, PhantomPatient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.tables import entry, number

_LEVELS = 256


@dataclass(frozen=True, eq=False)
class AttenuationTable:
    """HU per tissue, and for marrow per level: ``hu[tissue, level]``; ``texture_sd[level]`` and the mean of the texture
    inside each body (``texture_mean[level]``, in SDs), which is taken off so that a body's mean is the truth."""

    hu: NDArray[np.float32]
    texture_sd: NDArray[np.float32]
    texture_mean: NDArray[np.float32]
    texture_seed: int


MARROW_TISSUES: tuple[PhantomTissue, ...] = (
    PhantomTissue.BODY_MARROW,
    PhantomTissue.POSTERIOR_MARROW,
    PhantomTissue.SACRUM_MARROW,
    PhantomTissue.ILIUM_MARROW,
    PhantomTissue.LESION,
    PhantomTissue.MODIC,
)

IS_MARROW: NDArray[np.bool_] = np.isin(np.arange(len(PhantomTissue)), [int(tissue) for tissue in MARROW_TISSUES])


def marrow_in_image(bone: BoneTruth, protocol: CtProtocol) -> float:
    """Return what trabecular bone reads in this acquisition (HU): tube voltage and contrast agent included."""
    factor = number("ct", "kvp_factor", str(protocol.kvp))
    return bone.attenuation_hu * factor * number("ct", "phase", protocol.phase.value, "marrow_factor")


def texture_sd(density: float) -> float:
    """Return the SD (HU) of the trabecular texture: higher the sparser the bone."""
    dense, sparse = number("bone", "texture_dense_density"), number("bone", "texture_sparse_density")
    loss = np.clip((dense - density) / (dense - sparse), 0.0, 1.0)
    low, high = number("bone", "texture_sd_dense_hu"), number("bone", "texture_sd_sparse_hu")
    return float(low + (high - low) * loss)


def attenuation_table(
    patient: PhantomPatient, spine: Spine, protocol: CtProtocol, texture_seed: int
) -> AttenuationTable:
    """Return the table of a patient in an acquisition."""
    hu = np.zeros((len(PhantomTissue), _LEVELS), dtype=np.float32)
    for name, row in entry("ct", "tissue").items():
        hu[PhantomTissue[name]] = row["value"]
    kvp = number("ct", "kvp_factor", str(protocol.kvp))
    for tissue in (PhantomTissue.BODY_CORTEX, PhantomTissue.POSTERIOR_CORTEX, PhantomTissue.SACRUM_CORTEX):
        hu[tissue] *= kvp
    hu[PhantomTissue.ILIUM_CORTEX] *= kvp
    for tissue, part in (
        (PhantomTissue.AORTA, "aorta"),
        (PhantomTissue.IVC, "ivc"),
    ):
        hu[tissue] = number("ct", "phase", protocol.phase.value, part)
    for tissue, part in (
        (PhantomTissue.ORGAN, "organ"),
        (PhantomTissue.KIDNEY, "kidney"),
        (PhantomTissue.BASIVERTEBRAL_VEIN, "basivertebral"),
    ):
        hu[tissue] += number("ct", "phase", protocol.phase.value, part)
    marrow, spread = _per_level(patient, protocol)
    for name, row in entry("ct", "marrow").items():
        hu[PhantomTissue[name]] = marrow * float(row["factor"]) + float(row["offset"])
    hu[PhantomTissue.BODY_CORTEX] = _cortex(hu[PhantomTissue.BODY_CORTEX], marrow, spine)
    return AttenuationTable(hu, spread, _texture_means(spine, texture_seed), texture_seed)


def _per_level(patient: PhantomPatient, protocol: CtProtocol) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    reading = {level.label: marrow_in_image(bone, protocol) for level, bone in patient.bone.items()}
    spread = {level.label: texture_sd(bone.density) for level, bone in patient.bone.items()}
    marrow = np.full(_LEVELS, np.mean(list(reading.values())), dtype=np.float32)
    deviation = np.full(_LEVELS, np.mean(list(spread.values())), dtype=np.float32)
    for label, value in reading.items():
        marrow[label], deviation[label] = value, spread[label]
    return marrow, deviation


def _cortex(shell_hu: NDArray[np.float32], marrow: NDArray[np.float32], spine: Spine) -> NDArray[np.float32]:
    """The drawn rim is thicker than the true shell; spread the shell's attenuation over it."""
    cortex = np.array(shell_hu)
    for vertebra in spine.vertebrae:
        if vertebra.level is not None:
            label = vertebra.level.label
            share = min(1.0, 2 * number("bone", "shell_mm") / (vertebra.body.cortex_mm + vertebra.body.endplate_mm))
            cortex[label] = marrow[label] + (shell_hu[label] - marrow[label]) * share
    return cortex


def _texture_means(spine: Spine, seed: int) -> NDArray[np.float32]:
    means = np.zeros(_LEVELS, dtype=np.float32)
    for vertebra in spine.vertebrae:
        if vertebra.level is None:
            continue
        body = vertebra.body
        half = np.array([0.34 * body.width, 0.34 * body.depth, 0.3 * body.height_middle])
        axes = [np.arange(-size, size + 0.01, 1.0, dtype=np.float32) for size in half]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        points = grid @ np.asarray(vertebra.axes).T + np.asarray(vertebra.centre_mm)
        means[vertebra.level.label] = texture_at(points, seed, number("bone", "texture_fwhm_mm")).mean()
    return means


def attenuation_at(
    table: AttenuationTable, tissue: NDArray[np.uint8], level: NDArray[np.uint8], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return HU (no noise, no blur) of points ``(n, 3)`` with these tissues and levels."""
    values = table.hu[tissue, level]
    marrow = np.flatnonzero(IS_MARROW[tissue])
    values[marrow] += _texture(table, level[marrow], points[marrow])
    return np.asarray(values, dtype=np.float32)


def attenuation_of(anatomy: AnatomyMap, table: AttenuationTable) -> NDArray[np.float32]:
    """Return HU (float32, no noise, no blur) of an anatomy map."""
    values = table.hu[anatomy.tissue, anatomy.level]
    marrow = np.nonzero(IS_MARROW[anatomy.tissue])
    values[marrow] += _texture(table, anatomy.level[marrow], places(anatomy, marrow))
    return np.asarray(values, dtype=np.float32)


def _texture(table: AttenuationTable, level: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float32]:
    field = texture_at(points, table.texture_seed, number("bone", "texture_fwhm_mm")) - table.texture_mean[level]
    return np.asarray(field * table.texture_sd[level], dtype=np.float32)
