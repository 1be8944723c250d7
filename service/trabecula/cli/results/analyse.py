"""``trabecula analyse``: one study from a folder, without a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from trabecula.bootstrap.analysing import analyser_of
from trabecula.bootstrap.reporting import reporter_of
from trabecula.cli.output import console, error_console, errors_as_exit_code, print_json
from trabecula.cli.results.picture_file import write_png
from trabecula.cli.results.result_table import show_result
from trabecula.domain.errors import InputUnreadable, StudyNotChosen
from trabecula.domain.identity import derived_uid
from trabecula.domain.language import Language, language_of
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.results.result_json import to_json
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.imaging.headers.frames import scan_folder, study_of
from trabecula.settings import load_settings

FILE_NAMES = {ObjectKind.STRUCTURED_REPORT: "sr.dcm", ObjectKind.SEGMENTATION: "seg.dcm", ObjectKind.PICTURE: "sc.dcm"}


def analyse(
    path: Annotated[Path, typer.Argument(help="Folder of DICOM files of one study, or one file.")],
    out: Annotated[Path, typer.Option(help="Folder for result.json, sr.dcm, seg.dcm, sc.dcm and picture.png.")],
    study_uid: Annotated[
        str, typer.Option("--study", help="Study Instance UID, when the folder holds several studies.")
    ] = "",
    language: Annotated[
        str, typer.Option(help="Language of report and picture: en, de, fr, es, zh, ja; result.json stays English.")
    ] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Analyse one study from a folder and write its result objects."""
    with errors_as_exit_code():
        settings, told_in = load_settings(), _language(language)
        chosen, files = _files_of_study(path, study_uid)
        with error_console.status(f"analysing {len(files)} files"):
            analysis = analyser_of(settings, files).analyse(StudyUid(chosen), 1, files)
            context = ReportContext(
                analysed_at=datetime.now(UTC).replace(microsecond=0),
                installation_uid=derived_uid("installation", "command line", root=settings.uid_root),
                study_files=files,
                languages=(told_in,),
            )
            objects = reporter_of(settings).report(analysis, context)
        document = _write(out, analysis, objects)
    if as_json:
        print_json(document)
    else:
        show_result(document)
        console.print(f"written to {out.resolve()}")


def _language(word: str) -> Language:
    try:
        return language_of(word)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--language") from error


def _files_of_study(path: Path, study_uid: str) -> tuple[str, tuple[StoredFile, ...]]:
    if not path.exists():
        raise InputUnreadable(f"{path} does not exist")
    files = scan_folder(path)
    studies: dict[str, list[StoredFile]] = {}
    for file in files:
        studies.setdefault(study_of(file), []).append(file)
    if study_uid:
        if study_uid not in studies:
            raise InputUnreadable(f"{path} holds no study {study_uid}")
        return study_uid, tuple(studies[study_uid])
    if not studies:
        raise InputUnreadable(f"{path} holds no DICOM file")
    if len(studies) > 1:
        raise StudyNotChosen(f"{path}: {', '.join(sorted(studies))}")
    uid, found = next(iter(studies.items()))
    return uid, tuple(found)


def _write(out: Path, analysis: Analysis, objects: tuple[ResultObject, ...]) -> dict[str, object]:
    out.mkdir(parents=True, exist_ok=True)
    document = to_json(analysis.result) | {
        "state": "DONE",
        "objects": [
            {"kind": item.kind.value, "sop_instance_uid": item.sop_instance_uid, "file": FILE_NAMES[item.kind]}
            for item in objects
        ],
    }
    for item in objects:
        (out / FILE_NAMES[item.kind]).write_bytes(item.content)
        if item.kind is ObjectKind.PICTURE:
            write_png(item.content, out / "picture.png")
    (out / "result.json").write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    return document
