"""The use cases as plain functions over the ports: receive, settle, analyse, report, deliver, and what operators do."""

from trabecula.pipeline.analysing import analyse_study, run_analysis
from trabecula.pipeline.comparing import KeptStudy, compare_study, kept_study
from trabecula.pipeline.confirming import commitment_answered, confirm_delivery
from trabecula.pipeline.delivering import deliver_objects
from trabecula.pipeline.documenting import report_study, run_report
from trabecula.pipeline.operating import cancel_study, reprocess_study, retry_study, settle_now
from trabecula.pipeline.receiving import register_instance
from trabecula.pipeline.requests import StageRequest
from trabecula.pipeline.services import Interrupted, Services, SettlePolicy, StageRunner
from trabecula.pipeline.settling import settle_study
from trabecula.pipeline.stages import run_stage, try_again_or_give_up

__all__ = [
    "Interrupted",
    "KeptStudy",
    "Services",
    "SettlePolicy",
    "StageRequest",
    "StageRunner",
    "analyse_study",
    "cancel_study",
    "commitment_answered",
    "compare_study",
    "confirm_delivery",
    "deliver_objects",
    "kept_study",
    "register_instance",
    "report_study",
    "reprocess_study",
    "retry_study",
    "run_analysis",
    "run_report",
    "run_stage",
    "settle_now",
    "settle_study",
    "try_again_or_give_up",
]
