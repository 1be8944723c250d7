"""Signal of every tissue of a phantom in an MR sequence: the spin-echo equation over water and fat."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy import AnatomyMap, PhantomTissue, Spine
from trabecula.phantom.ct.attenuation import IS_MARROW
from trabecula.phantom.fields import texture_at
from trabecula.phantom.partial_volume import places
from trabecula.phantom.patient import PhantomPatient
from trabecula.phantom.protocols import MrProtocol, MrSequence, Weighting
from trabecula.phantom.tables import Relaxation, entry, number, relaxation, relaxation_of

_LEVELS = 256
_FAT_SATURATION = 0.06
_ENHANCING = (PhantomTissue.BASIVERTEBRAL_VEIN, PhantomTissue.IVC, PhantomTissue.LESION, PhantomTissue.KIDNEY)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """TR, TE and TI (0: none) in ms, of a sequence at a field strength in tesla."""

    repetition_ms: float
    echo_ms: float
    inversion_ms: float
    tesla: float
    fast_echo: bool
    fat_saturated: bool
    gadolinium: bool


def timing(protocol: MrProtocol, sequence: MrSequence) -> Timing:
    """Return the physics of a sequence. T2 and STIR are fast spin echoes, in which fat stays bright."""
    repetition, echo, inversion = protocol.times(sequence)
    return Timing(
        repetition_ms=repetition,
        echo_ms=echo,
        inversion_ms=inversion,
        tesla=protocol.tesla,
        fast_echo=sequence.weighting is not Weighting.T1,
        fat_saturated=sequence.fat_saturated,
        gadolinium=sequence.gadolinium,
    )


def spin_echo(tissue: Relaxation, time: Timing) -> float:
    """Return PD (1 - exp(-TR/T1)) exp(-TE/T2), times |1 - 2 exp(-TI/T1) + exp(-TR/T1)| with an inversion pulse."""
    recovery = np.exp(-time.repetition_ms / tissue.t1_ms)
    signal = tissue.proton_density * np.exp(-time.echo_ms / tissue.t2_ms)
    if time.inversion_ms > 0:
        return float(signal * abs(1 - 2 * np.exp(-time.inversion_ms / tissue.t1_ms) + recovery))
    return float(signal * (1 - recovery))


def fat_signal(time: Timing) -> float:
    """Return the signal of pure fat."""
    fat = relaxation_of("fat", time.tesla)
    if time.fast_echo:
        fat = replace(fat, t2_ms=number("mr", "fat_t2_tse_ms"))
    return spin_echo(fat, time) * (_FAT_SATURATION if time.fat_saturated else 1.0)


def marrow_signal(fat_fraction: float | NDArray[np.float32], time: Timing) -> NDArray[np.float32]:
    """Return the signal of marrow of a fat fraction."""
    water = relaxation_of("marrow_water", time.tesla)
    if time.gadolinium:
        water = replace(water, t1_ms=water.t1_ms * number("mr", "gd_t1_factor"))
    mixed = fat_fraction * np.float32(fat_signal(time)) + (1 - fat_fraction) * np.float32(spin_echo(water, time))
    return np.asarray(number("mr", "marrow_pd") * mixed, dtype=np.float32)


def tissue_signal(tissue: PhantomTissue, time: Timing) -> float:
    """Return the signal of a tissue that is not marrow; 0 for marrow."""
    row = relaxation(tissue, time.tesla)
    if row is None:
        return 0.0
    if time.gadolinium and tissue in _ENHANCING:
        row = replace(row, t1_ms=row.t1_ms * number("mr", "gd_t1_factor"))
    return row.fat_fraction * fat_signal(time) * row.proton_density / number("mr", "fat_pd") + (
        1 - row.fat_fraction
    ) * spin_echo(row, time)


@dataclass(frozen=True, eq=False, kw_only=True)
class SignalTable:
    """Signal per tissue and level, ``signal[tissue, level]``; for marrow ``fat[tissue, level]`` and the signal at fat
    fraction 0 and 1 (``water``, ``fatty``) between which it is linear."""

    signal: NDArray[np.float32]
    fat: NDArray[np.float32]
    water: float
    fatty: float
    texture_seed: int


def signal_table(patient: PhantomPatient, spine: Spine, time: Timing) -> SignalTable:
    """Return the table of a patient in a sequence."""
    signal = np.zeros((len(PhantomTissue), _LEVELS), dtype=np.float32)
    for tissue in PhantomTissue:
        signal[tissue] = tissue_signal(tissue, time)
    signal[PhantomTissue.NUCLEUS] = _nucleus(spine, time)
    share = np.float32(number("mr", "root_share"))
    signal[PhantomTissue.ROOTS] = share * signal[PhantomTissue.ROOTS] + (1 - share) * signal[PhantomTissue.CSF]
    fat = np.zeros_like(signal)
    known = {level.label: bone.fat_fraction for level, bone in patient.bone.items()}
    level_fat = np.full(_LEVELS, np.mean(list(known.values())), dtype=np.float32)
    for label, value in known.items():
        level_fat[label] = value
    for name, row in entry("mr", "marrow").items():
        fat[PhantomTissue[name]] = np.clip(level_fat + float(row["added"]), 0.02, 0.98)
    return SignalTable(
        signal=signal,
        fat=fat,
        water=float(marrow_signal(0.0, time)),
        fatty=float(marrow_signal(1.0, time)),
        texture_seed=patient.seed + 7,
    )


def _nucleus(spine: Spine, time: Timing) -> NDArray[np.float32]:
    """Signal of the nucleus of each disc; a disc carries the level of the body above it."""
    row = relaxation(PhantomTissue.NUCLEUS, time.tesla)
    assert row is not None
    grades = np.asarray(entry("mr", "disc", "t2_by_degeneration")["value"], dtype=np.float64)
    shorter = row.t2_ms / float(entry("mr", "tissue", "NUCLEUS")["t2_15"])
    values = np.full(_LEVELS, spin_echo(row, time), dtype=np.float32)
    for index, disc in enumerate(spine.discs):
        level = spine.vertebrae[index + 1].level
        if level is not None:
            t2 = float(np.interp(disc.degeneration * (len(grades) - 1), np.arange(len(grades)), grades)) * shorter
            dried = row.proton_density * (1 - 0.35 * disc.degeneration)
            values[level.label] = spin_echo(replace(row, t2_ms=t2, proton_density=dried), time)
    return values


def signal_of(anatomy: AnatomyMap, table: SignalTable) -> NDArray[np.float32]:
    """Return the signal (float32, no shading, no noise) of an anatomy map."""
    values = table.signal[anatomy.tissue, anatomy.level]
    marrow = IS_MARROW[anatomy.tissue] & (anatomy.tissue != PhantomTissue.LESION)
    voxels = np.nonzero(marrow)
    islands = texture_at(places(anatomy, voxels), table.texture_seed, number("bone", "mr_texture_fwhm_mm"))
    fat = table.fat[anatomy.tissue[voxels], anatomy.level[voxels]]
    fat = np.clip(fat + islands * np.float32(number("bone", "mr_texture_fat_sd")), 0.0, 1.0)
    values[voxels] = table.water + fat * np.float32(table.fatty - table.water)
    return np.asarray(values, dtype=np.float32)
