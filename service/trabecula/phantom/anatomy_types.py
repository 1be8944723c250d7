"""The frozen types of a digital spine: vertebrae, discs, their shapes, and what may be asked for when one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level

Array = NDArray[np.float32]


class Sex(StrEnum):
    """The sex whose mean anatomy is drawn."""

    FEMALE = "female"
    MALE = "male"


class Segment(StrEnum):
    """The part of the spine a vertebra belongs to."""

    SACRAL = "sacral"
    LUMBAR = "lumbar"
    THORACIC = "thoracic"


class FractureKind(StrEnum):
    """The three shapes of Genant's scheme."""

    WEDGE = "wedge"
    BICONCAVE = "biconcave"
    CRUSH = "crush"


@dataclass(frozen=True)
class Fracture:
    """A deformity to draw: which level, which shape, and the fraction of height lost (0 to 0.7)."""

    level: Level
    kind: FractureKind
    loss: float


@dataclass(frozen=True, kw_only=True)
class SpineOptions:
    """What a spine shall have; None or an empty tuple leaves it to chance.

    ``variability`` scales every standard deviation (1 is realistic; training uses more). ``degeneration`` (0 to 1)
    rules collapsed discs, bulges and osteophytes. ``healthy`` switches random pathology off
    (what is asked for stays). ``sacral_disc`` is the height of the disc between S1 and S2 as a share of a usual one; 0
    leaves the usual remnant between bodies that have fused, 1 makes S1 look much like a lumbar vertebra.
    ``sacral_wedge`` is the share of its depth that S1 lacks in front at its lower end (0 to 0.65): None draws it as
    real ones have it, 0 makes S1 square, as a lumbarised one is. ``last_rib`` is the length of T12's ribs as a share of
    the usual one, 0 for none; ``rib_size`` scales the thickness of all ribs. ``transverse`` is the length and thickness
    of the lumbar transverse processes as a share of the usual ones (at 2 they look like short ribs).
    """

    lumbar_count: int | None = None
    scoliosis_deg: float | None = None
    lordosis_deg: float | None = None
    fractures: tuple[Fracture, ...] | None = None
    degeneration: float | None = None
    screws: tuple[Level, ...] | None = None
    cement: tuple[Level, ...] | None = None
    scale: float | None = None
    variability: float = 1.0
    healthy: bool = False
    sacral_disc: float = 0.0
    sacral_wedge: float | None = None
    last_rib: float = 1.0
    rib_size: float = 1.0
    transverse: float = 1.0


@dataclass(frozen=True, kw_only=True)
class BodyShape:
    """The closed form of one vertebral body in its own frame; lengths in mm, measured at the endplate rims.

    ``upper_share`` is the part of the concavity that the upper endplate takes. ``osteophytes`` are the lengths of
    the lips at (anterior upper, anterior lower, posterior upper, posterior lower, left, right). ``nodes`` are Schmorl
    nodes: (upper +1 or lower -1, x, y, depth, radius).
    """

    height_anterior: float
    height_middle: float
    height_posterior: float
    depth: float
    width: float
    waist: float
    upper_share: float
    corner_mm: float
    cortex_mm: float
    endplate_mm: float
    squareness: float
    posterior_concavity: float
    osteophytes: tuple[float, float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    nodes: tuple[tuple[float, float, float, float, float], ...] = ()
    wedge: float = 0.0
    """The share of the depth that is missing in front at the lower end, as in S1."""

    @property
    def concavity(self) -> float:
        """How far the two endplates together lie below the line between their rims at the centre, mm."""
        return 0.5 * (self.height_anterior + self.height_posterior) - self.height_middle


@dataclass(frozen=True, kw_only=True)
class PosteriorShape:
    """The measures of pedicles, laminae and processes of one vertebra, mm; ``drop`` is how far its tip sinks."""

    pedicle_height: float
    pedicle_width: float
    canal_depth: float
    canal_width: float
    spinous_length: float
    spinous_height: float
    drop: float
    transverse_length: float
    facet_mm: float
    cortex_mm: float
    rib_length: float = 1.0
    rib_size: float = 1.0
    """Length and thickness of a thoracic vertebra's rib as shares of the usual ones."""
    transverse_size: float = 1.0
    """Thickness of the transverse processes as a share of the usual one."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Vertebra:
    """One vertebra in place. ``axes`` has the LPS unit vectors left, posterior and up of its frame as columns.

    ``level`` is None for the sacral segments below S1.
    """

    level: Level | None
    segment: Segment
    centre_mm: Array
    axes: Array
    body: BodyShape
    posterior: PosteriorShape
    screws: bool = False
    cement: bool = False
    lesion: tuple[float, float, float, float] | None = None
    """Centre x, y, z in the vertebra's frame and radius, mm."""
    modic_mm: tuple[float, float] = (0.0, 0.0)
    """Thickness of Modic change at the upper and the lower endplate, mm."""


@dataclass(frozen=True, kw_only=True)
class Disc:
    """The disc above a vertebra: bulge beyond the endplate rims (all around, and extra backward) in mm;
    ``degeneration`` is 0 (bright nucleus) to 1 (black, collapsed). From ``fused_from`` on, as a share of the way to its
    edge, bone has taken its place, as between sacral bodies."""

    bulge_mm: float
    protrusion_mm: float
    protrusion_side_mm: float
    nucleus: float
    degeneration: float
    vacuum: bool = False
    fused_from: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Blob:
    """An ellipsoid of the abdomen: centre (LPS), radii, the tissue inside and that of its wall."""

    centre_mm: tuple[float, float, float]
    radii_mm: tuple[float, float, float]
    inside: int
    wall: int
    wall_mm: float


@dataclass(frozen=True, kw_only=True)
class Torso:
    """Everything around the spine, mm: ``back_fat`` over the spinous tips, half width, depth in front of the bodies."""

    half_width: float
    front_mm: float
    back_fat: float
    side_fat: float
    psoas_scale: float
    muscle_depth: float
    muscle_fat: float
    aorta_radius: float
    aorta_side: float
    ivc_radius: float
    conus: float
    """Position along the chain (index of a vertebra plus fraction) at which the cord ends."""
    sac_end: float
    cord_radius: float
    front_fat: float
    """Epidural fat between the lower lumbar bodies and the sac: its depth behind L5, mm."""
    blobs: tuple[Blob, ...]
    texture_phase: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Spine:
    """A digital spine: vertebrae from caudal (S5) to cranial (lower thoracic) and the disc above each but the last.

    The centre of L3 lies at LPS (0, 0, 0) unless moved. Immutable; ask it with ``anatomy.render_anatomy``.
    """

    vertebrae: tuple[Vertebra, ...]
    discs: tuple[Disc, ...]
    torso: Torso
    sex: Sex
    age_years: float
    lumbar_count: int
    scoliosis_deg: float
    fractures: tuple[Fracture, ...] = ()

    def index_of(self, level: Level) -> int:
        """The position of a level in ``vertebrae``; raises ValueError where the spine has no such level."""
        for index, vertebra in enumerate(self.vertebrae):
            if vertebra.level is level:
                return index
        raise ValueError(f"this spine has no {level}")

    def vertebra(self, level: Level) -> Vertebra:
        """Return the vertebra of a level; raises ValueError where the spine has none."""
        return self.vertebrae[self.index_of(level)]


@dataclass(frozen=True, kw_only=True)
class BodyTruth:
    """What is true of one body: heights (mean endplate distance in the thirds of the mid-sagittal plane, the outer
    tenth trimmed), depth and width at the endplates, volume (rim included), centre and up vector (LPS)."""

    level: Level
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    depth_mm: float
    width_mm: float
    volume_mm3: float
    centre_mm: tuple[float, float, float]
    up: tuple[float, float, float]
