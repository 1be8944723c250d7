"""``trabecula segment``: the vertebral bodies of one image, as labels, numbers and a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trabecula.analysis.gates.outlines import judge
from trabecula.bootstrap.analysing import segmenter_of
from trabecula.cli.output import console, error_console, errors_as_exit_code, print_table
from trabecula.domain.errors import InputUnreadable
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason
from trabecula.domain.segmentation import SegmentationVerdict, SegmentedBody
from trabecula.domain.uids import SeriesUid
from trabecula.reporting.picture.planes import body_name, write_three_planes
from trabecula.segmentation.sources import SegmentedInput, open_input, segment_input
from trabecula.settings import load_settings

_LABEL_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".mha")


def segment(
    path: Annotated[
        Path, typer.Argument(help="Folder of DICOM files, or a NIfTI, NRRD or MHA volume (one slice too).")
    ],
    out: Annotated[Path, typer.Option(help="Label file: .nii.gz, .nii, .nrrd or .mha.")],
    json_path: Annotated[
        Path | None, typer.Option("--json", help="Write quality and reasons to this JSON file.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Write a picture in three planes to this PNG file.")] = None,
    modality: Annotated[
        str, typer.Option(help="CT or MR; for a volume file it is guessed from the intensities otherwise.")
    ] = "",
    segmenter: Annotated[
        str, typer.Option(help="network, dicom-seg or external:NAME; the configured one otherwise.")
    ] = "",
    series: Annotated[str, typer.Option(help="Series Instance UID, when the folder holds several series.")] = "",
) -> None:
    """Outline and name the vertebral bodies: 19 = T12, 20-24 = L1-L5, 26 = S1, 101 and up if unknown."""
    with errors_as_exit_code():
        settings = load_settings()
        if not out.name.lower().endswith(_LABEL_SUFFIXES):
            raise InputUnreadable(f"labels are written as {', '.join(_LABEL_SUFFIXES)}, not as {out.name}")
        source = open_input(path, _modality(modality), SeriesUid(series))
        with error_console.status("segmenting"):
            found = segment_input(source, segmenter_of(settings, source.files, segmenter))
        found.readable.write(out, found.segmentation.labels)
        if json_path is not None:
            json_path.parent.mkdir(parents=True, exist_ok=True)
            json_path.write_text(json.dumps(quality_document(found), indent=2, ensure_ascii=False), encoding="utf-8")
        if png is not None:
            write_three_planes(png, found.volume, found.segmentation, judge(found.segmentation))
    _show(found, out)


def quality_document(found: SegmentedInput) -> dict[str, Any]:
    """Return what ``--json`` writes."""
    result, geometry = found.segmentation, found.volume.geometry
    verdict = judge(result)
    return {
        "input": found.readable.facts
        | {
            "shape": list(geometry.shape),
            "spacing_mm": [round(step, 4) for step in geometry.spacing_mm],
            "plane": geometry.plane.value,
        },
        "segmenter": {
            "name": result.segmenter.name,
            "version": result.segmenter.version,
            "weights_sha256": result.segmenter.weights_sha256,
        },
        "numbering": result.numbering,
        "quality": round(result.quality, 4),
        "reasons": [_reason(reason) for reason in verdict.reasons],
        "bodies": [_body(body, verdict) for body in result.bodies],
        "timings": {step: round(seconds, 3) for step, seconds in result.timings_s.items()},
    }


def _body(body: SegmentedBody, verdict: SegmentationVerdict) -> dict[str, Any]:
    return {
        "label": body.label,
        "level": str(body.level) if body.level else None,
        "quality": round(body.quality, 4),
        "complete": body.complete,
        "centroid_mm": [round(value, 2) for value in body.centroid_mm],
        "volume_mm3": round(body.volume_mm3, 1),
        "reasons": [_reason(reason) for reason in verdict.by_label[body.label]],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code.name,
        "sentence": reason.sentence,
        "next_step": reason.code.next_step,
        "blocking": reason.blocking,
        "level": str(reason.level) if reason.level else None,
    }


def _modality(word: str) -> Modality | None:
    if not word:
        return None
    if word.upper() not in Modality.__members__:
        raise InputUnreadable(f"modality {word!r}; it is CT or MR")
    return Modality(word.upper())


def _show(found: SegmentedInput, out: Path) -> None:
    result = found.segmentation
    verdict = judge(result)
    rows = [
        (
            body_name(body),
            body.label,
            f"{body.quality:.2f}",
            f"{body.volume_mm3 / 1000:.1f}",
            "yes" if body.complete else "no",
            ", ".join(reason.code.name for reason in verdict.by_label[body.label]),
        )
        for body in result.bodies
    ]
    print_table("Vertebral bodies", ("level", "label", "overlap", "cm3", "complete", "reasons"), rows)
    for reason in verdict.reasons:
        console.print(f"{reason.code.name}: {reason.sentence}", markup=False, highlight=False)
    console.print(f"{result.numbering}; labels in {out.resolve()}", markup=False, highlight=False)
