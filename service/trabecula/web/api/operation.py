"""Models, destinations and settings in force: what runs beside the ledger."""

from __future__ import annotations

from fastapi import APIRouter

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import BundleUnknown, DestinationUnknown, TrabeculaError
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries.backlog import list_lanes
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import DestinationEditor, Door, ModelActivator, ModelViewer, OperationViewer
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.operation import (
    DestinationList,
    DestinationShown,
    Echoed,
    ModelFigure,
    ModelList,
    ModelShown,
    Paused,
    RoleGiven,
    RollbackReason,
    SettingList,
    SettingShown,
)
from trabecula.web.api.shapes.words import DestinationInPath, ModelInPath
from trabecula.web.desk.operation import ModelLine, RoleWish

router = APIRouter()


@router.get("/models", tags=["operation"])
def list_models(door: ModelViewer) -> ModelList:
    """List the installed model bundles, what each is used for, and what its validation measured."""
    return ModelList(models=[_model(line) for line in door.parts.operation.models()])


@router.put("/models/{model_id}/role", tags=["operation"], responses=refusals(404))
def put_role(door: ModelActivator, model_id: ModelInPath, wish: RoleGiven) -> ModelShown:
    """Give a verified bundle its role; the next analysis uses it."""
    if model_id not in {line.model_id for line in door.parts.operation.models()}:
        raise BundleUnknown(model_id)
    action = AuditAction.MODEL_DEACTIVATED if wish.role == "off" else AuditAction.MODEL_ACTIVATED
    with door.opened() as asked:
        asked.audit(action, subject=model_id, detail=f"{wish.role}: {wish.reason}")
        given = RoleWish(
            model_id=model_id,
            role=wish.role,
            reason=wish.reason,
            validation=wish.validation,
            despite_verdict=wish.despite_verdict,
            despite_recall=wish.despite_recall,
        )
        door.parts.operation.give_role(given, asked.actor.who)
    return next(_model(line) for line in door.parts.operation.models() if line.model_id == model_id)


@router.post("/models/roll-back", tags=["operation"], responses=refusals(404))
def roll_back_models(door: ModelActivator, why: RollbackReason) -> ModelList:
    """Return to the models before the last change."""
    with door.opened() as asked:
        asked.audit(AuditAction.MODEL_ACTIVATED, subject="roll-back", detail=why.reason)
        door.parts.operation.roll_back(asked.actor.who, why.reason)
    return ModelList(models=[_model(line) for line in door.parts.operation.models()])


@router.get("/destinations", tags=["operation"])
def list_destinations(door: OperationViewer) -> DestinationList:
    """List where results go, and what is paused."""
    with door.opened() as asked:
        held = _held(asked)
        lines = door.parts.operation.destinations()
        return DestinationList(
            destinations=[
                DestinationShown(
                    name=line.name,
                    ae_title=line.ae_title,
                    address=line.address,
                    objects=line.objects,
                    send_not_evaluable=line.send_not_evaluable,
                    commitment=line.commitment,
                    paused=line.name in held,
                )
                for line in lines
            ]
        )


@router.post("/destinations/{name}/echo", tags=["operation"], responses=refusals(404))
def echo_destination(door: OperationViewer, name: DestinationInPath) -> Echoed:
    """Ask a destination for an answer (C-ECHO); where none comes, the answer says why."""
    _known(door, name)
    with door.opened() as asked:
        asked.audit(AuditAction.DESTINATION_TESTED, subject=name)
    try:
        door.parts.operation.echo(name)
    except TrabeculaError as error:
        return Echoed(name=name, reachable=False, code=error.code, sentence=error.sentence, next_step=error.next_step)
    return Echoed(name=name, reachable=True)


@router.post("/destinations/{name}/pause", tags=["operation"], responses=refusals(404))
def pause_destination(door: DestinationEditor, name: DestinationInPath) -> Paused:
    """Hold what waits for a destination until it is resumed; what is being sent goes on."""
    _known(door, name)
    with door.opened() as asked:
        asked.connection.commit()
        door.parts.operation.pause(asked.connection.engine, name, asked.actor.who)
        return Paused(name=name, paused=name in _held(asked))


@router.post("/destinations/{name}/resume", tags=["operation"], responses=refusals(404))
def resume_destination(door: DestinationEditor, name: DestinationInPath) -> Paused:
    """Let a destination go on."""
    _known(door, name)
    with door.opened() as asked:
        asked.connection.commit()
        door.parts.operation.resume(asked.connection.engine, name, asked.actor.who)
        return Paused(name=name, paused=name in _held(asked))


@router.get("/settings", tags=["operation"])
def list_settings(door: OperationViewer) -> SettingList:
    """Show every setting in force and where it comes from, without secrets."""
    with door.opened() as asked:
        asked.audit(AuditAction.SETTINGS_VIEWED)
        lines = door.parts.operation.settings()
        return SettingList(settings=[SettingShown.model_validate(line) for line in lines])


def _known(door: Door, name: str) -> None:
    if name not in {line.name for line in door.parts.operation.destinations()}:
        raise DestinationUnknown(name)


def _held(asked: Asked) -> set[str]:
    return {str(item["destination"]) for item in list_lanes(driver_connection(asked.connection))["paused"]}


def _model(line: ModelLine) -> ModelShown:
    return ModelShown(
        model_id=line.model_id,
        version=line.version,
        title=line.title,
        modality=line.modality,
        kind=line.kind,
        role=line.role,
        decides=line.decides,
        verdict=line.verdict,
        demonstration=line.demonstration,
        refused=line.refused,
        intended_use=line.intended_use,
        not_for=list(line.not_for),
        findings=list(line.findings),
        figures=[ModelFigure(endpoint=row[0], figure=row[1], value=row[2]) for row in line.figures],
        sha256=line.sha256,
    )
