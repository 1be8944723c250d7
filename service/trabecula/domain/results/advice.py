"""What a reader is advised by category; the one text for impression, report and picture."""

from __future__ import annotations

from trabecula.domain.results.result import Category

ADVICE = {
    Category.LOW_BONE_DENSITY_SUSPECTED: "Consider bone densitometry (DXA or QCT) where none is recent.",
    Category.INDETERMINATE: "Neither suspected nor cleared; bone densitometry decides where risk factors are present.",
    Category.NO_FLAG: "This does not exclude osteoporosis.",
    Category.NOT_EVALUABLE: "No statement about bone density is made.",
}
