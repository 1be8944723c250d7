"""The sentence for the report: one-sided, with its ground, possible fractures first, never longer than it must be."""

from __future__ import annotations

import pytest

from trabecula.analysis.impression import report_sentence
from trabecula.domain.results.decision import Decision
from trabecula.domain.results.ground import ByReasons, Ground, Measured, Quantity, Withheld
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category

FRACTURE = ("Possible vertebral fracture (moderate), L1: height loss 31 % (wedge).", "Consider it.")


def attenuation(value: float) -> Measured:
    return Measured(quantity=Quantity.ATTENUATION, value=value, raw=value, where="L1", lower=110.0, upper=160.0)


@pytest.mark.parametrize(
    ("category", "ground", "fractures", "said"),
    [
        (
            Category.LOW_BONE_DENSITY_SUSPECTED,
            attenuation(87.0),
            (),
            "Low bone density suspected. Trabecular attenuation L1 87 HU, at or below 110 HU. "
            "Consider bone densitometry (DXA or QCT) where none is recent.",
        ),
        (
            Category.NO_FLAG,
            attenuation(190.0),
            (),
            "No flag (does not exclude osteoporosis). Trabecular attenuation L1 190 HU, above 160 HU.",
        ),
        (
            Category.INDETERMINATE,
            Withheld(attenuation(190.0)),
            FRACTURE,
            f"{' '.join(FRACTURE)} Indeterminate because of the possible vertebral fracture. "
            "Trabecular attenuation L1 190 HU, above 160 HU.",
        ),
        (
            Category.NOT_EVALUABLE,
            ByReasons(),
            (),
            "Not evaluable. The gantry was tilted. No statement about bone density is made.",
        ),
    ],
)
def test_the_sentence_says_finding_ground_and_advice(
    category: Category, ground: Ground, fractures: tuple[str, ...], said: str
) -> None:
    reasons = (Reason(code=ReasonCode.GANTRY_TILT),)

    sentence = report_sentence(Decision(category, ground=ground), fractures, reasons)

    assert sentence == f"Automatic bone density screening: {said}"
    assert "normal" not in sentence.casefold()
