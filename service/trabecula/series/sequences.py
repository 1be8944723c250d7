"""What kind of MR sequence a series is: by its physics first, by its words where physics is silent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trabecula.imaging.acquisition import Acquisition
from trabecula.imaging.words import is_term, mentions
from trabecula.series.limits import MR_PHYSICS


class SequenceClass(StrEnum):
    """Kinds of MR sequences the product tells apart; only T1W and T2W are measured."""

    T1W = "T1-weighted spin echo"
    T2W = "T2-weighted spin echo"
    T1_IR = "T1-weighted inversion recovery"
    PD = "proton-density weighted"
    STIR = "STIR"
    FAT_SUPPRESSED = "fat-suppressed"
    DIXON = "Dixon water, fat or opposed-phase"
    GRADIENT = "gradient echo"
    ECHO_PLANAR = "echo-planar, diffusion or angiography"
    MYELOGRAPHY = "heavily T2-weighted (myelography)"
    UNKNOWN = "of unknown weighting"


@dataclass(frozen=True)
class SequenceVerdict:
    """The class, and whether the words of the header contradict the physics (physics then decides)."""

    sequence: SequenceClass
    conflict: bool = False


def classify_sequence(made: Acquisition) -> SequenceVerdict:
    """Return the class of an MR acquisition (clinical rules: docs/analysis.md)."""
    words = " ".join((made.description, made.protocol, made.sequence_name))
    excluded = _excluded(made, words)
    if excluded is not None:
        return SequenceVerdict(excluded)
    physical = _by_physics(made)
    if physical is None:
        return SequenceVerdict(_by_words(words))
    worded = _by_words(f"{made.description} {made.protocol}")
    return SequenceVerdict(physical, worded not in (SequenceClass.UNKNOWN, physical))


def _excluded(made: Acquisition, words: str) -> SequenceClass | None:
    """Classes that one sign alone settles, whatever TR and TE are."""
    scanning = {part.upper() for part in made.scanning_sequence}
    if "EP" in scanning or (made.b_value or 0) > 0 or mentions(words, "echo_planar"):
        return SequenceClass.ECHO_PLANAR
    if "GR" in scanning or (not scanning and mentions(words, "gradient")):
        return SequenceClass.GRADIENT
    if is_term(made.image_type, "dixon_other") or (
        mentions(words, "dixon") and not is_term(made.image_type, "dixon_in_phase")
    ):
        return SequenceClass.DIXON
    if _is_stir(made, words, scanning):
        return SequenceClass.STIR
    if made.fat_suppressed or is_term(made.scan_options, "fat_saturation_options") or mentions(words, "fat_saturation"):
        return SequenceClass.FAT_SUPPRESSED
    return None


def _is_stir(made: Acquisition, words: str, scanning: set[str]) -> bool:
    time = made.inversion_time
    inverted = "IR" in scanning or made.inversion_recovery is True or made.acquisition_contrast == "STIR"
    if time is not None and time > 0:
        return _within(time, MR_PHYSICS.stir_ti_ms)
    if made.acquisition_contrast == "STIR":
        return True
    return mentions(words, "stir") or (inverted and not mentions(words, "t1"))


def _by_physics(made: Acquisition) -> SequenceClass | None:
    """The class by TR, TE and TI, or None where they are not recorded or the pulse sequence may be a gradient echo."""
    limits = MR_PHYSICS
    tr, te, ti = made.repetition_time, made.echo_time, made.inversion_time
    if not tr or te is None:
        return None
    if not made.scanning_sequence and made.flip_angle is not None and made.flip_angle < limits.spin_echo_flip_degrees:
        return SequenceClass.UNKNOWN if made.three_dimensional else SequenceClass.GRADIENT
    if ti and _within(ti, limits.t1_ir_ti_ms) and _within(tr, limits.t1_ir_tr_ms):
        return SequenceClass.T1_IR if _within(te, limits.t1_ir_te_ms) else SequenceClass.UNKNOWN
    if "IR" in made.scanning_sequence:
        return SequenceClass.T1_IR if _within(te, limits.t1_ir_te_ms) else SequenceClass.UNKNOWN
    if te > limits.myelography_te_ms:
        return SequenceClass.MYELOGRAPHY
    t2_tr = limits.t2_3d_tr_ms if made.three_dimensional else limits.t2_tr_ms
    if _within(te, limits.t2_te_ms) and _within(tr, t2_tr):
        return SequenceClass.T2W
    if _within(tr, limits.t1_tr_ms) and _within(te, limits.t1_te_ms):
        return SequenceClass.T1W
    if te < limits.pd_te_ms[1] and _within(tr, limits.pd_tr_ms):
        return SequenceClass.PD
    return SequenceClass.UNKNOWN


def _by_words(words: str) -> SequenceClass:
    found = [
        sequence
        for sequence, name in (
            (SequenceClass.STIR, "stir"),
            (SequenceClass.PD, "pd"),
            (SequenceClass.T1W, "t1"),
            (SequenceClass.T2W, "t2"),
        )
        if mentions(words, name)
    ]
    if SequenceClass.STIR in found:
        return SequenceClass.STIR
    return found[0] if len(found) == 1 else SequenceClass.UNKNOWN


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= value <= limits[1]
