"""Why a study, a series or a level cannot be measured or must be read with care: coded reasons with a next step."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from trabecula.domain.spine import Level
from trabecula.domain.uids import NO_SERIES, SeriesUid


class ReasonCode(Enum):
    """A coded reason; the value is (sentence, what would make it evaluable). Codes are at most 16 characters in DICOM,
    so ``dicom_code`` abbreviates; the name is what databases, JSON and people see."""

    NOT_TARGET_MODALITY = (
        "The study holds no CT or MR images that can be measured.",
        "Route lumbar CT or MR studies; images need their position and orientation.",
    )
    NOT_TARGET_BODYPART = (
        "Two of L1-L4 were not found, or are not to be expected.",
        "Route studies that show the lumbar spine.",
    )
    NO_SUITABLE_SERIES = (
        "What was sent is not suited for this measurement.",
        "Send a series to which no other reason given here applies: "
        "axial or sagittal CT, sagittal T1- or T2-weighted spin-echo MR.",
    )
    SEQUENCE_UNSUPPORTED = (
        "The MR sequence is not suited for this measurement.",
        "Send a sagittal T1-weighted spin-echo series.",
    )
    POST_CONTRAST_MR = (
        "The MR series was, or may be, acquired after contrast agent.",
        "Send the series acquired before contrast agent.",
    )
    ORIENTATION = ("The slices are not in a usable plane.", "Send a sagittal MR series or an axial CT series.")
    SLICE_THICKNESS = (
        "The slices are too thick or too far apart for this measurement.",
        "Send a reconstruction with thinner slices, without gaps.",
    )
    GEOMETRY = ("The slices of the series do not form one regular volume.", "Send the complete original series.")
    PIXEL_SPACING = (
        "The size of the pixels is not certain.",
        "Check Pixel Spacing at the source (distance of rows first, then of columns) and send the images again.",
    )
    MISSING_SLICES = ("Slices of the series are missing.", "Send the complete series; a late image re-opens the study.")
    PLACES_ROUNDED = (
        "The positions of the images are rounded; the distance between slices is the one the header states.",
        "Send the images with Image Position (Patient) as the scanner wrote it.",
    )
    GANTRY_TILT = ("The gantry was tilted.", "Send a reconstruction without gantry tilt.")
    KVP = (
        "The tube voltage does not fit the thresholds (120 kVp).",
        "Use a 120 kVp acquisition or configure a site calibration.",
    )
    KVP_ADJUSTED = ("Attenuation was converted to 120 kVp.", "None; the conversion is stated with the value.")
    KERNEL_SHARP = ("The reconstruction kernel is sharp.", "Send a reconstruction with a soft-tissue kernel.")
    KERNEL_UNKNOWN = ("The reconstruction kernel is not known.", "None; texture models may not run on this series.")
    SPECTRAL = ("The series is a spectral or virtual image.", "Send the conventional polychromatic reconstruction.")
    CONTRAST_PHASE = (
        "The contrast phase of the CT bears on the result.",
        "None; a correction, where there is one, is stated with the value.",
    )
    CONTRAST_UNCLEAR = (
        "Whether contrast agent was given is not certain.",
        "Send a series whose contrast attributes and names agree.",
    )
    SPECTRAL_UNCLEAR = (
        "Whether the series is a conventional CT image is not certain.",
        "Send the conventional polychromatic reconstruction.",
    )
    FOV_TRUNCATION = ("The field of view cuts the vertebrae.", "Send a reconstruction with a larger field of view.")
    HU_SANITY = (
        "The Hounsfield units are not plausible.",
        "Check the rescale values and the calibration of the scanner.",
    )
    LOW_DOSE_NOISE = ("The images are very noisy.", "None; read the value with care.")
    METAL = ("Metal lies in or beside the vertebra.", "None for this level.")
    CEMENT = ("The vertebral body holds bone cement or something as dense.", "None for this level.")
    FRACTURE_LEVEL = ("Possible vertebral fracture.", "Look at the level; consider a fragility fracture.")
    FOCAL_LESION = (
        "The vertebral body holds what looks like a focal lesion.",
        "Review the level; it is not averaged.",
    )
    DIFFUSE_MARROW = (
        "The marrow is no brighter than the discs.",
        "Review the study; the score is not interpreted.",
    )
    OUTLIER_LEVEL = ("The level differs strongly from the others.", "Review the level; it is not averaged.")
    NUMBERING_AMBIGUOUS = (
        "The levels cannot be numbered with certainty.",
        "Number the levels by eye; images that include the sacrum help.",
    )
    LEVELS_ASSUMED = (
        "Levels were counted from the sacrum.",
        "None; a transitional vertebra cannot be excluded by counting.",
    )
    RIBS = (
        "Levels were counted from the last pair of ribs.",
        "None; ribs and sacrum agree on the count in 93 of 100 spines.",
    )
    TRANSITIONAL = (
        "A transitional or additional vertebra is possible.",
        "Number by eye: L1 of the one count is T12 or L2 of the other.",
    )
    LEVELS_CORRECTED = (
        "A reader has named the levels.",
        "None; the names that the software gave stand in the result before this one.",
    )
    CORRECTION_UNUSED = (
        "The names that a reader gave are of another series or image.",
        "Look at the picture: the names are the software's; name them again with `trabecula studies name-levels`.",
    )
    OUTLINES_CORRECTED = (
        "A reader has outlined the vertebrae.",
        "None; the outlines of the software stand in the result before this one.",
    )
    OUTLINES_REFUSED = (
        "Outlines that a reader sent could not be used.",
        "Send a DICOM SEG of the measured images, drawn or edited by a person, with a level coded in each segment.",
    )
    LEVEL_NOT_FOUND = ("The vertebral body was not found.", "None for this level.")
    TOO_FEW_LEVELS = ("Too few levels can be evaluated.", "Send images that show L1-L4 completely.")
    SEG_QC = ("The outline of the vertebra is not reliable.", "Look at the picture; the level is not measured.")
    SEG_WARNING = ("The outline of the vertebra is unusual.", "Look at the picture.")
    BORDER = ("The vertebra touches the border of the images.", "Send images that show the whole vertebra.")
    CSF_ROI = ("No reliable cerebrospinal-fluid region was found.", "None; VBQ needs fluid beside L3 or L2.")
    SHADING = (
        "The signal changes along the spine as a coil's shading does.",
        "None; read VBQ and its single levels with care.",
    )
    SIGNAL_WINDOWED = (
        "The MR signals were windowed or cut off.",
        "Send the images as the scanner stored them, not as they are displayed.",
    )
    SIGNAL_OFFSET = (
        "The MR signals do not begin at zero.",
        "Send the images with Rescale Slope and Intercept as the scanner wrote them.",
    )
    TR_TE_WINDOW = (
        "Repetition or echo time is not known to lie in the window.",
        "Use times of the validated window (as shipped: TR 400-850 ms, TE 8-20 ms).",
    )
    NO_SITE_REFERENCE = (
        "MR values have no universal threshold and no site reference fits this series.",
        "Configure a site reference or activate a validated model.",
    )
    AGE = ("The patient is younger than the method allows.", "None; the method is for adults.")
    AGE_SEX_MISSING = ("Age, or sex as F or M, is not recorded.", "Send studies with birth date and sex.")
    AGE_CONFLICT = (
        "Birth date, recorded age and study dates do not fit each other.",
        "Correct Birth Date, Patient's Age or Study Date at the source and send the study again.",
    )
    PATIENT_CONFLICT = (
        "The images of the study do not agree in who the patient is.",
        "Correct the patient's data or separate the studies, then send them again.",
    )
    PATIENT_ID_FORMS = (
        "The images of the study write the Patient ID in several forms.",
        "Check that the form in the report is the one of your archive; correct the others at the source.",
    )
    QUALITY_CONTROL = (
        "The images are marked as quality control (a phantom or a calibration).",
        "None; such images give no clinical result.",
    )
    YOUNG_ADULT = (
        "The patient is younger than the people of the thresholds.",
        "None; thresholds were established in older adults.",
    )
    OUT_OF_TRAINING_RANGE = (
        "The study lies outside the range the model was trained on.",
        "None; only biomarkers are shown.",
    )
    MODEL_UNAVAILABLE = (
        "The model cannot be used for this study.",
        "Verify the model (trabecula models verify) or activate another.",
    )
    REQUEST_WORDS = (
        "The request or the name of the series speaks of hardware or of disease of the marrow.",
        "None; read the value with that in mind.",
    )
    SCOLIOSIS = ("The spine is curved sideways.", "None; the middle slice is chosen per level.")
    UPSIDE_DOWN = (
        "The image orientation in the header does not fit the anatomy.",
        "Check the orientation tags of the series.",
    )
    NOT_A_SPINE = ("No vertebrae were found.", "Route studies that show the lumbar spine.")
    VOLUME_TOO_LARGE = (
        "The series is larger than the configured limit.",
        "Raise the limit or send a coarser reconstruction.",
    )
    UNREADABLE_PIXELS = (
        "Pixel data or files of the study cannot be read.",
        "Send what is named again, whole; if a transfer syntax is named, in another one.",
    )
    SEVERAL_SCANS = ("The series holds several acquisitions.", "Send each acquisition as a series of its own.")
    SERIES_CONTINUES = (
        "The scan goes on in another series.",
        "Send the whole scan as one series; each series is looked at by itself.",
    )
    SLICES_ALTERNATE = (
        "The slices take turns in brightness.",
        "Check whether the series mixes two scans or two gains; send each as a series of its own.",
    )
    RESCALE = (
        "Rescale values are missing or contradict each other.",
        "Send the images with Rescale Slope and Intercept as the scanner wrote them.",
    )
    HEADERS_DIFFER = (
        "Images of the series differ in their headers.",
        "Check how the series was exported; where it is measured, the values are those of most images.",
    )
    UID_SHARED = (
        "Different images have the same SOP Instance UID.",
        "Send the images again, each under a UID of its own.",
    )
    LOSSY = ("The images were compressed with loss.", "Send the images as the scanner stored them.")
    COPIES = ("Images of the series were sent more than once.", "None; each is measured once.")
    IMAGES_REFUSED = (
        "Images that were sent are missing.",
        "Send the study again from its source; a late image re-opens it.",
    )
    LISTENER_SILENT = (
        "Images may be missing: a listener that may hold more does not answer.",
        "Bring that listener back, or have `trabecula listeners forget` say that it is gone; a late image re-opens it.",
    )
    OTHER_SERIES = ("Other images of the study are measured.", "None; this series ranked lower.")
    EQUAL_SERIES = (
        "Another series would do as well, and its values differ.",
        "Name kernel or kind of image (water, fat, in phase) in the headers, or send one of the series.",
    )
    RECALLED = (
        "The result was recalled.",
        "Do not rely on it; `trabecula studies reprocess` measures the study anew.",
    )
    ANALYSIS_FAILED = (
        "The analysis failed.",
        "Tell the administrator of this service; `trabecula studies retry` measures the study again.",
    )

    @property
    def sentence(self) -> str:
        """One plain sentence for people."""
        return self.value[0]

    @property
    def next_step(self) -> str:
        """What would make it evaluable."""
        return self.value[1]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason as found: what it concerns, whether it blocks the measurement, and the value that failed its limit."""

    code: ReasonCode
    blocking: bool = True
    level: Level | None = None
    series_uid: SeriesUid = NO_SERIES
    detail: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""

    @property
    def sentence(self) -> str:
        """The code's sentence with what was measured, e.g. ``The slices are too thick ... (6.5 mm; limit 5 mm).``"""
        facts = [self.detail] if self.detail else []
        if self.value is not None:
            facts.append(f"{self.value:g}{' ' + self.unit if self.unit else ''}")
        if self.limit is not None:
            facts.append(f"limit {self.limit:g}{' ' + self.unit if self.unit else ''}")
        place = f"{self.level}: " if self.level else ""
        return f"{place}{self.code.sentence[:-1]} ({'; '.join(facts)})." if facts else f"{place}{self.code.sentence}"
