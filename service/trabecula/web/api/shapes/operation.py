"""Models, destinations and settings as the API tells them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from trabecula.web.api.shapes.words import Reason, Sentence


class ModelFigure(BaseModel):
    """What a validation measured."""

    endpoint: str
    figure: str
    value: str


class ModelShown(BaseModel):
    """An installed bundle, or one in use that is missing; `refused` says what is wrong with it."""

    model_id: str
    version: str
    title: str
    modality: str
    kind: str
    role: str
    decides: str
    verdict: str
    demonstration: bool
    refused: str
    intended_use: str
    not_for: list[str]
    findings: list[str]
    figures: list[ModelFigure]
    sha256: str


class ModelList(BaseModel):
    """All bundles."""

    models: list[ModelShown]


class RoleGiven(BaseModel):
    """The role that a bundle is to have, and why; `validation` names the evidence that lets it set a category."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"role": "challenger", "reason": "compare with the measurement for a month"}]}
    )

    role: Literal["active", "challenger", "off"]
    reason: Reason
    validation: Sentence = ""
    despite_verdict: StrictBool = False
    despite_recall: StrictBool = False


class RollbackReason(BaseModel):
    """Why, for the trail."""

    reason: Reason = Field(examples=["the new model disagrees too often"])


class DestinationShown(BaseModel):
    """A destination as the settings have it."""

    name: str
    ae_title: str
    address: str
    objects: str
    send_not_evaluable: str
    commitment: bool
    paused: bool


class DestinationList(BaseModel):
    """All destinations."""

    destinations: list[DestinationShown]


class Echoed(BaseModel):
    """Whether a destination answered a C-ECHO, and what stood in the way where it did not."""

    name: str
    reachable: bool
    code: str = ""
    sentence: str = ""
    next_step: str = ""


class Paused(BaseModel):
    """Whether a destination is held."""

    name: str
    paused: bool


class SettingShown(BaseModel):
    """A setting in force; secrets are not shown."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    value: str
    origin: str


class SettingList(BaseModel):
    """All settings in force."""

    settings: list[SettingShown]
