"""Pages that tests of the picture share: of small studies, and one with the longest texts there can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom import Dataset

from tests.reporting.builders import ANALYSED_AT, Study, demonstration_score, result_of
from trabecula.domain import codes
from trabecula.domain.results.deformity import DeformityDegree, GradedDeformity
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement, SeriesUse, StudyResult
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.reporting.picture.page import Page, sheet_of
from trabecula.reporting.picture.text import Sheet
from trabecula.reporting.sources.headers import read_header

CT_SCALE = ValueScale(
    lower=110.0, upper=160.0, factor=0.8621, expected=116.0, expected_sd=44.0, expected_level=Level.L1
)


def page_of(study: Study, result: StudyResult, *, with_volume: bool = True, **changes: object) -> Page:
    values: dict[str, object] = {
        "result": result,
        "primary": study.volume if with_volume else None,
        "header": read_header(study.files[0]),
        "when": ANALYSED_AT,
        "with_name": True,
    }
    return Page(**{**values, **changes})  # type: ignore[arg-type]


def sheet(study: Study, result: StudyResult, **changes: object) -> Sheet:
    return sheet_of(page_of(study, result, **changes))  # type: ignore[arg-type]


def pixels(study: Study, result: StudyResult, **changes: object) -> np.ndarray:
    return np.asarray(sheet(study, result, **changes).image)


def broken(level: Level, *, named: bool = True) -> GradedDeformity:
    return GradedDeformity(
        level=level, kind="biconcave", degree=DeformityDegree.MODERATE, loss_percent=39.7, named=named, recommended=True
    )


def not_used(count: int) -> tuple[SeriesUse, ...]:
    words = ("axial", "gradient echo", "localizer")
    return tuple(
        SeriesUse(
            series_uid=f"1.2.{number}", number=3000 + number, description="x", modality="MR", images_used=0,
            images_total=20, reasons=(Reason(code=ReasonCode.ORIENTATION, blocking=False, detail=words[number % 3]),),
        )
        for number in range(count)
    )  # fmt: skip


def long_header(study: Study) -> Dataset:
    header = read_header(study.files[0])
    header.PatientName = "Wolfeschlegelsteinhausenbergerdorff" * 2 + "^Hubert"
    header.PatientID = "0123456789" * 6
    header.StudyDescription = "Computed tomography of the whole spine with everything that can be said of it " * 2
    header.AccessionNumber = "A" * 16
    return header


def longest(study: Study) -> StudyResult:
    """Every level of a spine, all of them broken and flagged, every reason, four values, a model, long sentences."""
    base = result_of(study)
    flags = tuple(Reason(code=code, detail="a long detail " * 5, value=31.0, unit="%") for code in list(ReasonCode)[:9])
    loss = Measurement(concept=codes.HEIGHT_LOSS, value=39.7, unit=codes.PERCENT)
    template = base.levels[0]
    levels = tuple(
        replace(
            next((item for item in base.levels if item.level is level), replace(template, level=level)),
            evaluable=number % 2 == 0,
            flags=flags,
            measurements=(*template.measurements, loss),
        )
        for number, level in enumerate((Level.T12, *MEASURED_LEVELS, Level.L5, Level.L6))
    )
    values = tuple(replace(base.summary[0], method=f"vbq_voxels_v1:medullary_v1/csf_v1 {k}") for k in range(5))
    return replace(
        base,
        revision=1234,
        levels=levels,
        summary=values,
        reasons=tuple(Reason(code=code, detail="a long detail " * 6) for code in ReasonCode),
        scores=(demonstration_score(model_id="a-model-with-a-name-that-nobody-would-give" * 2),),
        deformity_suspected=True,
        deformities=tuple(broken(level.level) for level in levels),
        impression=("a line " * 20,),
        for_report="Possible vertebral fracture (moderate), L1: height loss 39.7 % (biconcave). " * 14,
        scale=CT_SCALE,
        sources=base.sources * 3,
        series_not_used=not_used(40),
    )
