"""The API on a real ledger with studies of two sites, and programs that show tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.databases import embedded_database_url
from tests.web.desk.conftest import Desk, actions, desk
from trabecula.domain.access.roles import Permission
from trabecula.ledger.access.accounts import find_account
from trabecula.web.access.tokens_made import make_token

__all__ = ["actions", "desk", "embedded_database_url"]

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


@dataclass
class Api:
    """The API under test."""

    desk: Desk

    def program(self, name: str, *roles: str, scopes: frozenset[Permission] = frozenset(Permission)) -> TestClient:
        """Make an account with a token, and return a client that shows it."""
        self.desk.account(name, *roles)
        with self.desk.engine.begin() as connection:
            token, _ = make_token(connection, find_account(connection, name), "test", scopes, timedelta(days=1))
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
