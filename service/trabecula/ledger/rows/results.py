"""The border of results to rows: one result becomes rows of reasons, levels, measurements and scores."""

from __future__ import annotations

from typing import Any

from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import Measurement, StudyResult
from trabecula.ledger.tables import LevelRow, MeasurementRow, ReasonRow, ScoreRow

ResultTable = type[ReasonRow] | type[LevelRow] | type[MeasurementRow] | type[ScoreRow]


def rows_of(result: StudyResult) -> dict[ResultTable, list[dict[str, Any]]]:
    """Return the rows a result becomes, by table; JSON of the whole result is kept beside them."""
    key = {"study_uid": result.study_uid, "revision": result.revision}
    reasons = [_reason(reason, "") for reason in result.reasons]
    measurements = [_measurement(item, "") for item in result.summary]
    levels = []
    for level in result.levels:
        levels.append({"level": str(level.level), "evaluable": level.evaluable, "quality": level.quality})
        reasons += [_reason(reason, str(level.level)) for reason in level.flags]
        measurements += [_measurement(item, str(level.level)) for item in level.measurements]
    scores = [
        {
            "model_id": score.model_id,
            "model_version": score.model_version,
            "model_sha256": score.model_sha256,
            "endpoint": score.endpoint,
            "active": score.active,
            "applicable": score.applicable,
            "demonstration": score.demonstration,
            "probability": score.probability,
            "threshold": score.threshold,
            "operating_point": score.operating_point,
            "positive": score.positive,
        }
        for score in result.scores
    ]
    tables: dict[ResultTable, list[dict[str, Any]]] = {
        ReasonRow: reasons,
        LevelRow: levels,
        MeasurementRow: measurements,
        ScoreRow: scores,
    }
    return {table: [key | row for row in rows] for table, rows in tables.items()}


def _reason(reason: Reason, level: str) -> dict[str, Any]:
    place = str(reason.level) if reason.level else level
    return {"level": place, "code": reason.code.name, "blocking": reason.blocking, "sentence": reason.sentence}


def _measurement(item: Measurement, level: str) -> dict[str, Any]:
    return {
        "level": level,
        "concept": item.concept.value,
        "meaning": item.concept.meaning,
        "derivation": item.derivation.meaning if item.derivation else "",
        "value": item.value,
        "unit": item.unit.value,
        "method": item.method,
        "series_uid": item.series_uid,
    }
