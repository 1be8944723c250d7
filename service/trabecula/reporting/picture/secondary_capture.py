"""The picture as a Secondary Capture image in RGB (PS3.3 A.8.1): the one object every image viewer shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.uids import InstanceUid
from trabecula.reporting.sr.concepts import coding_schemes
from trabecula.reporting.stamping import Stamp, finished, reference, tell_loss


def secondary_capture(
    pixels: NDArray[np.uint8], sources: tuple[tuple[str, InstanceUid], ...], stamp: Stamp, result: StudyResult
) -> ResultObject:
    """Return the page ``pixels[row, column, RGB]`` as a DICOM image.

    ``sources`` are (SOP Class UID, SOP Instance UID) of the images it was derived from. Body Part Examined is set and
    Laterality left out, because the spine is not a paired structure (PS3.3 C.7.3.1).
    """
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = stamp.identities.instance("SC")
    dataset.SeriesInstanceUID = stamp.identities.series("SC")
    dataset.Modality = "OT"
    dataset.BodyPartExamined = "LSPINE"
    dataset.ConversionType = "WSD"
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.BurnedInAnnotation = "YES" if stamp.config.name_on_picture or stamp.header.PatientID else "NO"
    dataset.DerivationDescription = stamp.texts.fill("derivation")
    dataset.PatientOrientation = None
    dataset.DateOfSecondaryCapture, dataset.TimeOfSecondaryCapture = stamp.date, stamp.time
    tell_loss(dataset, stamp.header)
    dataset.SourceImageSequence = [reference(*source) for source in sources]
    dataset.CodingSchemeIdentificationSequence = coding_schemes()
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset["PixelData"].VR = "OB"
    return finished(dataset, ObjectKind.PICTURE, stamp, result)
