"""Which segmenter answers: the network, a program of another maker, or a DICOM SEG that came with the study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.study.study import StoredFile
from trabecula.segmentation.foreign.dicom_seg import DicomSegSegmenter
from trabecula.segmentation.foreign.label_maps import label_maps
from trabecula.segmentation.foreign.program import ExternalProgram, ExternalSegmenter

NETWORK = "network"
DICOM_SEG = "dicom-seg"
EXTERNAL = "external:"


def choose_segmenter(
    choice: str,
    network: Callable[[], Segmenter],
    programs: Mapping[str, ExternalProgram],
    files: Sequence[StoredFile] = (),
) -> Segmenter:
    """Return the segmenter a setting names.

    ``choice`` is ``network``, ``dicom-seg`` (which reads the SEG objects among ``files``), or the name of a program,
    with or without ``external:``. A program that is not configured but ships with a label map and a command is run by
    that command. Raises ConfigurationInvalid for any other name.
    """
    if choice == NETWORK:
        return network()
    if choice == DICOM_SEG:
        return DicomSegSegmenter(files)
    name = choice.removeprefix(EXTERNAL)
    if name in programs:
        return ExternalSegmenter(programs[name])
    shipped = {key for key, value in label_maps().items() if value.command}
    if name in shipped:
        return ExternalSegmenter(ExternalProgram(name, name))
    known = ", ".join([NETWORK, DICOM_SEG, *sorted({*programs, *shipped})])
    raise ConfigurationInvalid(f"unknown segmenter {choice!r}; known are {known}")
