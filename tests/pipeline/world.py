"""A small world for the use cases: the real ledger and queue, and tiny implementations of the outer ports."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from trabecula.domain import codes
from trabecula.domain.delivery import Destination, SendOutcome
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.identity import derived_uid
from trabecula.domain.language import Language
from trabecula.domain.modality import Modality
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import (
    Category,
    LevelResult,
    Measurement,
    ObjectKind,
    ResultObject,
    Score,
    StudyResult,
)
from trabecula.domain.spine import Level
from trabecula.domain.study.facts import SeriesFacts, StudyFacts
from trabecula.domain.study.jobs import Job, RetryPolicy, Stage
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.study import ReceivedInstance, StoredFile
from trabecula.domain.volume import Geometry, Volume
from trabecula.intake.storage.copies import SpoolCopies
from trabecula.intake.storage.spool import Spool
from trabecula.jobs.queue import BacklogQueue
from trabecula.ledger.database import create_engine_for, driver_connection
from trabecula.ledger.label_maps import AnalysisStore
from trabecula.ledger.queries.study_list import list_studies
from trabecula.ledger.store import ledger_opener
from trabecula.pipeline import OperatorServices, SettlePolicy, StageRequest, run_analysis, run_report, run_stage
from trabecula.pipeline.services import ShouldStop

CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
STUDY = "1.2.826.0.1"


@dataclass(frozen=True)
class SmallAnalyser:
    """Measures nothing but the number of files; the first file is a volume of one voxel."""

    reasons: tuple[Reason, ...] = (Reason(code=ReasonCode.KVP_ADJUSTED, blocking=False),)
    category: Category = Category.INDETERMINATE

    def analyse(
        self,
        study_uid: str,
        revision: int,
        files: Sequence[StoredFile],
        correction: LevelCorrection | None = None,
    ) -> Analysis:
        level = correction.level if correction else Level.L1
        value = Measurement(
            concept=codes.ATTENUATION,
            value=100.0 + len(files),
            unit=codes.HOUNSFIELD,
            derivation=codes.MEAN,
            method="trab_v1",
            series_uid="1.5",
        )
        flag = Reason(code=ReasonCode.SEG_WARNING, blocking=False)
        result = StudyResult(
            study_uid=study_uid,
            revision=revision,
            category=self.category,
            reasons=self.reasons,
            levels=(LevelResult(level=level, evaluable=True, quality=0.9, flags=(flag,), measurements=(value,)),),
            summary=(value,),
            scores=(
                Score(
                    model_id="demo-ct",
                    model_version="1",
                    model_sha256="ab" * 32,
                    applicable=True,
                    demonstration=True,
                    endpoint="osteoporosis",
                    probability=0.25,
                ),
            ),
            numbering=correction.words if correction else "",
            versions={"software": "test"},
            timings_s={"segment": 0.5},
        )
        file = files[0]
        volume = Volume(
            array=np.zeros((1, 1, 1), np.float32),
            geometry=Geometry((1, 1, 1), np.eye(4)),
            modality=Modality.CT,
            source_uids=(file.sop_instance_uid,),
        )
        return Analysis(result, (AnalysedVolume(volume, np.full((1, 1, 1), level.label, np.uint8), (file,)),))


class SmallLoader:
    """Makes the volume of one voxel again."""

    def load(
        self, files: Sequence[StoredFile], sop_instance_uids: Sequence[str], frames: Sequence[int | None] = ()
    ) -> Volume:
        return Volume(
            array=np.zeros((1, 1, 1), np.float32),
            geometry=Geometry((1, 1, 1), np.eye(4)),
            modality=Modality.CT,
            source_uids=tuple(sop_instance_uids),
        )


class SmallReporter:
    """Writes what it was given as text; the same input gives the same bytes."""

    def report(self, analysis: Analysis, context: ReportContext) -> tuple[ResultObject, ...]:
        result = analysis.result
        made = []
        wanted = [
            (kind, language)
            for kind in ObjectKind
            for language in (context.languages if kind is not ObjectKind.SEGMENTATION else (None,))
        ]
        for kind, language in wanted:
            named = () if language in (None, Language.ENGLISH) else (str(language),)
            uid = derived_uid(result.study_uid, str(result.revision), str(kind), str(len(context.study_files)), *named)
            body = f"{kind} {result.category} {context.analysed_at} {context.predecessors} {len(analysis.volumes)}"
            form = ResultObject(
                kind=kind,
                sop_class_uid=f"1.2.{kind.name}",
                sop_instance_uid=uid,
                series_uid=f"{uid}.1",
                content=body.encode(),
            )
            spare = ResultObject(
                kind=kind,
                sop_class_uid=f"1.3.{kind.name}",
                sop_instance_uid=uid,
                series_uid=f"{uid}.1",
                content=body.encode() + b" spare",
            )
            alternatives = (spare,) if kind is ObjectKind.STRUCTURED_REPORT else ()
            made.append(
                ResultObject(
                    kind=kind,
                    sop_class_uid=form.sop_class_uid,
                    sop_instance_uid=uid,
                    series_uid=form.series_uid,
                    content=form.content,
                    alternatives=alternatives,
                    language=language,
                )
            )
        return tuple(made)


@dataclass
class SameProcessRunner:
    """Runs the child's functions here; ``errors`` are raised first, one a run."""

    artifacts: AnalysisStore
    errors: list[TrabeculaError] = field(default_factory=list)
    analysed: list[tuple[str, int]] = field(default_factory=list)
    before_end: Any = None
    reasons: tuple[Reason, ...] = (Reason(code=ReasonCode.KVP_ADJUSTED, blocking=False),)
    category: Category = Category.INDETERMINATE

    def analyse(self, request: StageRequest, should_stop: ShouldStop) -> None:
        self.analysed.append((request.study_uid, request.revision))
        if self.errors:
            raise self.errors.pop(0)
        run_analysis(request, SmallAnalyser(self.reasons, self.category), self.artifacts)
        if self.before_end is not None:
            self.before_end(should_stop)

    def report(self, request: StageRequest, should_stop: ShouldStop) -> None:
        if self.errors:
            raise self.errors.pop(0)
        run_report(request, SmallLoader(), SmallReporter(), self.artifacts)


@dataclass
class RecordingSender:
    """Answers with the status set for a destination and kind, or 0x0000; an error set for a destination is raised."""

    errors: dict[str, TrabeculaError] = field(default_factory=dict)
    statuses: dict[tuple[str, str], int] = field(default_factory=dict)
    sent: list[tuple[str, str, str]] = field(default_factory=list)

    def send(self, destination: Destination, objects: Sequence[ResultObject]) -> tuple[SendOutcome, ...]:
        if destination.name in self.errors:
            raise self.errors[destination.name]
        outcomes = []
        for item in objects:
            status = self.statuses.get((destination.name, str(item.kind)), 0x0000)
            outcomes.append(SendOutcome(item.sop_instance_uid, item.sop_class_uid, status, "" if status == 0 else "no"))
            self.sent.append((destination.name, str(item.kind), item.sop_instance_uid))
        return tuple(outcomes)

    def echo(self, destination: Destination) -> None:
        if destination.name in self.errors:
            raise self.errors[destination.name]


@dataclass
class RecordingRequester:
    """Answers storage commitment at once with ``answer``, or not at all where it is None."""

    answer: bool | None = None
    errors: list[TrabeculaError] = field(default_factory=list)
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        self.asked.append((transaction_uid, [uid for _class, uid in objects]))
        if self.errors:
            raise self.errors.pop(0)
        return None if self.answer is None else {uid: self.answer for _class, uid in objects}


class FixedFacts:
    """Facts of a patient who does not exist."""

    def read(self, files: Sequence[StoredFile]) -> StudyFacts:
        return StudyFacts(
            patient_id="4711", patient_name="Doe^Jane\x00", birth_date="19500101", sex="F", accession_number="A1",
            study_date="20260102", manufacturer="MAKER", scanner_model="SCAN 3000",
            series=(SeriesFacts("1.5", "CT", "axial", 3),),
        )  # fmt: skip


@dataclass
class World:
    """Everything a test needs: services, engine, and what the outer ports recorded."""

    engine: Engine
    services: OperatorServices
    runner: SameProcessRunner
    sender: RecordingSender
    requester: RecordingRequester
    spool: Path

    def instance(self, number: int, *, study_uid: str = STUDY, fault: str = "", content: str = "") -> ReceivedInstance:
        """Return a received instance whose bytes lie in the spool."""
        uid = f"{study_uid}.5.{number}"
        data = (content or uid).encode()
        digest = hashlib.sha256(data).hexdigest()
        key = f"objects/{digest}"
        (self.spool / "objects").mkdir(parents=True, exist_ok=True)
        (self.spool / key).write_bytes(data)
        return ReceivedInstance(
            sop_class_uid=CT_STORAGE, sop_instance_uid=uid, transfer_syntax_uid="1.2.840.10008.1.2.1",
            study_uid=study_uid, series_uid=f"{study_uid}.5", spool_key=key, size_bytes=len(data), sha256=digest,
            calling_ae_title="ROUTER", association_id="a1", received_at=datetime.now(UTC), fault=fault,
        )  # fmt: skip

    def rows(self, sql: str, **values: object) -> list[Any]:
        """Run a query and return its rows (single columns as plain values)."""
        with self.engine.begin() as connection:
            found = connection.execute(text(sql), values)
            rows = [tuple(row) for row in found] if found.returns_rows else []
        return [row[0] if len(row) == 1 else row for row in rows]

    def waiting(self) -> list[tuple[str, float]]:
        """Return stage and seconds to wait of every waiting job, in the order in which they came."""
        sql = "SELECT stage, greatest(0, extract(epoch FROM due_at - clock_timestamp())) FROM backlog ORDER BY id"
        return [(stage, float(delay)) for stage, delay in self.rows(sql)]

    def run_next(self, stage: Stage | None = None, destination: str = "") -> Job | None:
        """Run the waiting job that came first (of a stage) now, whatever its date; None when there is none."""
        sql = (
            "WITH taken AS (DELETE FROM backlog WHERE id = (SELECT id FROM backlog "
            "WHERE (:stage = '' OR stage = :stage) AND (:destination = '' OR destination = :destination) "
            "ORDER BY id LIMIT 1) RETURNING *) "
            "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status) "
            "SELECT 'test', 'trabecula.' || stage, lock, lock, jsonb_build_object('study_uid', study_uid, "
            "'revision', revision, 'destination', destination), 'doing' FROM taken RETURNING id, task_name, args"
        )
        rows = self.rows(sql, stage=str(stage or ""), destination=destination)
        if not rows:
            return None
        number, task, arguments = rows[0]
        job = Job(stage=Stage(task.removeprefix("trabecula.")), **arguments)
        run_stage(self.services, job, lambda: False)
        self.rows("UPDATE procrastinate_jobs SET status = 'succeeded' WHERE id = :id", id=number)
        return job

    def listed(self, wanted: StudySearch | None = None) -> list[dict[str, Any]]:
        """Return the rows of the list of studies."""
        with self.engine.connect() as connection:
            return list_studies(driver_connection(connection), wanted)

    def be_quiet(self, study_uid: str = STUDY) -> None:
        """Let the last image have come long ago."""
        self.rows("UPDATE studies SET last_image_at = now() - interval '1 day' WHERE study_uid = :uid", uid=study_uid)

    def run_all(self, limit: int = 30) -> None:
        """Run waiting jobs until none is left."""
        for _ in range(limit):
            if self.run_next() is None:
                return
        raise AssertionError(f"still waiting after {limit} jobs: {self.waiting()}")

    def state(self, study_uid: str = STUDY) -> str:
        """Return the study's state."""
        return str(self.rows("SELECT state FROM studies WHERE study_uid = :uid", uid=study_uid)[0])

    def events(self, study_uid: str = STUDY) -> list[str]:
        """Return what happened to the study, in order."""
        return self.rows("SELECT what FROM events WHERE study_uid = :uid ORDER BY id", uid=study_uid)


def make_world(url: str, folder: Path, destinations: Sequence[Destination] = (), **changes: Any) -> World:
    """Return a world on an empty database; ``changes`` replace fields of the services."""
    engine = create_engine_for(url, pool_size=2)
    artifacts = AnalysisStore(folder / "results")
    runner, sender, requester = SameProcessRunner(artifacts), RecordingSender(), RecordingRequester()
    spool = folder / "spool"
    settings: dict[str, Any] = {
        "open_ledger": ledger_opener(engine, BacklogQueue()),
        "locate": lambda key: spool / key,
        "artifacts": artifacts,
        "runner": runner,
        "sender": sender,
        "requester": requester,
        "facts": FixedFacts(),
        "copies": SpoolCopies(Spool(spool)),
        "destinations": {item.name: item for item in destinations},
        "settle": SettlePolicy(quiet_s=60.0, count_checks=2, count_pause_s=30.0),
        "retries": RetryPolicy(attempts=3, delivery_give_up_s=30.0, first_pause_s=10.0),
    }
    return World(engine, OperatorServices(**(settings | changes)), runner, sender, requester, spool)
