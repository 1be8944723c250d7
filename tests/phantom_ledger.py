"""Phantom studies through the real pipeline on a real ledger; only the segmenter is the one that knows the truth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest

from tests.analysis.truth_segmenter import TruthSegmenter
from tests.pipeline.world import RecordingRequester, RecordingSender, SameProcessRunner, World
from trabecula.bootstrap import analysing
from trabecula.bootstrap.copies import operator_services_of
from trabecula.bootstrap.reporting import loader_of, reporter_of
from trabecula.domain.study.study import ReceivedInstance
from trabecula.intake.storage.spool import Spool
from trabecula.ledger.database import create_engine_for
from trabecula.phantom.dicom import write_study
from trabecula.phantom.study import PhantomStudy
from trabecula.pipeline import StageRequest, register_instance, run_analysis, run_report
from trabecula.pipeline.services import ShouldStop
from trabecula.settings import load_settings


class RealRunner(SameProcessRunner):
    """Runs the child's real work in this process."""

    def analyse(self, request: StageRequest, should_stop: ShouldStop) -> None:
        analyser = analysing.analyser_of(load_settings(), request.files)
        self.analysed.append((request.study_uid, request.revision))
        run_analysis(request, analyser, self.artifacts)

    def report(self, request: StageRequest, should_stop: ShouldStop) -> None:
        run_report(request, loader_of(), reporter_of(load_settings()), self.artifacts)


def phantom_world(url: str, data_dir: Path, studies: Sequence[PhantomStudy], monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose ledger has received the studies (not processed yet); settings come from the environment."""
    monkeypatch.setenv("TRABECULA_DATABASE_URL", url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(data_dir))
    monkeypatch.setattr(analysing, "segmenter_of", lambda *_args, **_named: TruthSegmenter(studies))
    settings = load_settings()
    engine = create_engine_for(url, pool_size=2)
    runner = RealRunner(analysing.analysis_store_of(settings))
    services = replace(operator_services_of(settings, engine), runner=runner)
    world = World(engine, services, runner, RecordingSender(), RecordingRequester(), data_dir / "spool")
    for study in studies:
        receive(world, study)
    return world


def receive(world: World, study: PhantomStudy) -> None:
    """Keep every image of a study in the spool and register it, as the listener does."""
    spool = Spool(world.spool)
    with tempfile.TemporaryDirectory() as folder:
        write_study(study, Path(folder))
        for path in sorted(Path(folder).rglob("*.dcm")):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            incoming = spool.receive()
            incoming.write(path.read_bytes())
            kept = incoming.keep(header.SOPInstanceUID)
            instance = ReceivedInstance(
                sop_class_uid=header.SOPClassUID,
                sop_instance_uid=header.SOPInstanceUID,
                transfer_syntax_uid=header.file_meta.TransferSyntaxUID,
                study_uid=header.StudyInstanceUID,
                series_uid=header.SeriesInstanceUID,
                spool_key=kept.key,
                size_bytes=kept.size_bytes,
                sha256=kept.sha256,
                calling_ae_title="PHANTOM",
                association_id="a1",
                received_at=datetime.now(UTC),
                fault="",
            )
            register_instance(world.services.open_ledger, instance, 60.0)
    world.be_quiet(study.study_uid)


def process(world: World) -> None:
    """Run every waiting job to its end."""
    world.run_all(limit=200)
