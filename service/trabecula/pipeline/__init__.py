"""The use cases as plain functions over the ports: receive, settle, analyse, report, deliver, and what operators do.

A step is one transaction that writes its result and the next job, so that a killed process loses nothing and does
nothing twice. No SQL, no socket, no pixel: those are behind ports. Only the edges (jobs, cli, bootstrap) call it.
"""

from trabecula.pipeline.analysing import analyse_study, run_analysis
from trabecula.pipeline.confirming import commitment_answered, confirm_delivery
from trabecula.pipeline.delivering import deliver_objects
from trabecula.pipeline.operators.bulk import begin_bulk, bulk_step, stop_bulk, work_on_bulk
from trabecula.pipeline.operators.comparing import (
    KeptStudy,
    StudyComparison,
    compare_studies,
    compare_study,
    comparison_of,
    kept_study,
)
from trabecula.pipeline.operators.correcting import (
    ComparedConflict,
    Correction,
    adopt_correction,
    plan_correction,
    study_conflicts,
)
from trabecula.pipeline.operators.operating import (
    cancel_study,
    prioritise_study,
    reprocess_study,
    resend_study,
    retry_study,
    settle_now,
)
from trabecula.pipeline.operators.quarantining import EntryInFull, delete_entry, release_entry, show_entry
from trabecula.pipeline.operators.reprocessing import Reprocessed, ReprocessOutcome, reprocess_studies
from trabecula.pipeline.receiving import register_batch, register_instance, turn_away
from trabecula.pipeline.reporting import report_study, run_report
from trabecula.pipeline.requests import StageRequest
from trabecula.pipeline.services import Interrupted, OperatorServices, Services, SettlePolicy, StageRunner
from trabecula.pipeline.settling import settle_study
from trabecula.pipeline.stages import run_stage, try_again_or_give_up

__all__ = [
    "ComparedConflict",
    "Correction",
    "EntryInFull",
    "Interrupted",
    "KeptStudy",
    "OperatorServices",
    "ReprocessOutcome",
    "Reprocessed",
    "Services",
    "SettlePolicy",
    "StageRequest",
    "StageRunner",
    "StudyComparison",
    "adopt_correction",
    "analyse_study",
    "begin_bulk",
    "bulk_step",
    "cancel_study",
    "commitment_answered",
    "compare_studies",
    "compare_study",
    "comparison_of",
    "confirm_delivery",
    "delete_entry",
    "deliver_objects",
    "kept_study",
    "plan_correction",
    "prioritise_study",
    "register_batch",
    "register_instance",
    "release_entry",
    "report_study",
    "reprocess_studies",
    "reprocess_study",
    "resend_study",
    "retry_study",
    "run_analysis",
    "run_report",
    "run_stage",
    "settle_now",
    "settle_study",
    "show_entry",
    "stop_bulk",
    "study_conflicts",
    "try_again_or_give_up",
    "turn_away",
    "work_on_bulk",
]
