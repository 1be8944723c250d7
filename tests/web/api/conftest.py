"""The API on a real ledger with studies of two sites, and programs that show tokens."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.databases import embedded_database_url
from tests.reporting.builders import STUDY_UID, Study, result_of
from tests.reporting.conftest import ct
from tests.web.desk.conftest import Desk, actions, desk
from trabecula.domain.access.actor import Principal
from trabecula.domain.access.roles import Permission
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.results.result_json import to_json
from trabecula.ledger.access.accounts import find_account
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.web.access.tokens_made import make_token

__all__ = ["actions", "ct", "desk", "embedded_database_url"]

WEST, EAST, RECEIVING = "1.2.3.1", "1.2.3.2", "1.2.3.3"

_STUDY = text(
    """
    INSERT INTO studies (study_uid, state, revision, category, patient_id, patient_id_issuer, patient_name, birth_date,
                         sex, accession_number, study_date, description, calling_ae_title, manufacturer,
                         scanner_model, station, first_image_at, last_image_at, failed_stage, failure_code)
    VALUES (:uid, :state, 0, NULL, :patient, '', 'Doe^Jane', '19500101', 'F', :accession, '20260102', 'LWS', :site,
            'Maker', 'One', 'CT1', :at, :at, :stage, :code)
    """
)

_REVISION = text(
    "INSERT INTO revisions (study_uid, revision, instance_digest, category, result, analysed_at, reported_at, done_at) "
    "VALUES (:uid, 1, '', :category, CAST(:result AS jsonb), now(), now(), now())"
)
_OBJECT = text(
    "INSERT INTO objects (sop_instance_uid, sop_class_uid, study_uid, revision, kind, rank, series_uid) "
    "VALUES (:sop, :class, :uid, 1, :kind, 0, :series)"
)


@dataclass
class Api:
    """The API under test."""

    desk: Desk

    def program(self, name: str, *roles: str, scopes: frozenset[Permission] = frozenset()) -> TestClient:
        """Make an account with a token of these scopes, or of all it holds, and return a client that shows it."""
        self.desk.account(name, *roles)
        with self.desk.engine.begin() as connection:
            account = find_account(connection, name)
            held = Principal(account=name, grants=account.grants)
            scopes = scopes or frozenset(item for item in Permission if held.may(item))
            token, _ = make_token(connection, account, "test", scopes, timedelta(days=1))
        client = self.desk.browser()
        client.headers["authorization"] = f"Bearer {token}"
        return client

    def study(self, uid: str, site: str, **other: Any) -> None:
        """Write a study that failed in delivery, or as ``other`` says."""
        row = {
            "uid": uid,
            "site": site,
            "state": "FAILED",
            "patient": f"P-{uid}",
            "accession": f"A-{uid}",
            "at": "2026-01-02T10:00:00Z",
            "stage": "settle",
            "code": "STUDY_UNKNOWN",
        }
        with self.desk.engine.begin() as connection:
            connection.execute(_STUDY, row | other)


@pytest.fixture
def api(desk: Desk) -> Api:
    """Give an API with a failed study of each of two sites, and one that is being received."""
    made = Api(desk)
    made.study(WEST, "CT_WEST")
    made.study(EAST, "CT_EAST", at="2026-01-03T10:00:00Z")
    made.study(RECEIVING, "CT_WEST", state="RECEIVING", at="2026-01-04T10:00:00Z", stage=None, code=None)
    return made


@pytest.fixture
def reported(desk: Desk, ct: Study) -> dict[ObjectKind, ResultObject]:
    """Write a finished study whose report was made by the real reporter."""
    result = result_of(ct)
    objects = DicomReporter(ReportingConfig()).report(ct.analysis(result), ct.context())
    Api(desk).study(STUDY_UID, "CT_WEST", state="DONE", stage=None, code=None)
    with desk.engine.begin() as connection:
        category, document = str(result.category), json.dumps(to_json(result))
        connection.execute(
            text("UPDATE studies SET revision = 1, category = :category WHERE study_uid = :uid"),
            {"uid": STUDY_UID, "category": category},
        )
        connection.execute(_REVISION, {"uid": STUDY_UID, "category": category, "result": document})
        for item in objects:
            row = {"sop": item.sop_instance_uid, "class": item.sop_class_uid, "series": item.series_uid}
            connection.execute(_OBJECT, row | {"uid": STUDY_UID, "kind": str(item.kind)})
    desk.parts.artifacts.folder(result.study_uid, 1)
    desk.parts.artifacts.save_objects(result.study_uid, 1, objects)
    return {item.kind: item for item in objects}
