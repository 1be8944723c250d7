"""Digital lumbar spines with known truth, as CT and MR examinations in DICOM: for demo, canary, tests and training.

Anatomy is drawn in closed form (``anatomy``), imaged by ``ct`` and ``mr``, written by ``dicom``; numpy, scipy and
pydicom only. What stands in ``__all__`` stays importable from here for tools outside.
"""

from trabecula.phantom.anatomy_types import Sex
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import datasets
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol, MrProtocol, MrSequence, Phase, Weighting
from trabecula.phantom.study import CtStudySpec, MrStudySpec

__all__ = [
    "CtProtocol",
    "CtStudySpec",
    "MrProtocol",
    "MrSequence",
    "MrStudySpec",
    "Phase",
    "Sex",
    "Weighting",
    "datasets",
    "make_ct_study",
    "make_mr_study",
    "sample_patient",
]
