"""The desk as an application on a real ledger, and browsers that are signed in to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from tests.databases import embedded_database_url
from trabecula.bootstrap.desk.parts import desk_parts
from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.actor import grants_of
from trabecula.ledger.access.accounts import NewAccount, create_account
from trabecula.ledger.database import create_engine_for
from trabecula.settings import load_settings
from trabecula.web.access import secrets_kept
from trabecula.web.desk.app import desk_app
from trabecula.web.desk.parts import DeskParts

__all__ = ["embedded_database_url"]

PASSWORD = "correct horse staple battery"
_SECRET = re.compile(r'name="form_secret" value="([0-9a-f]+)"')


@dataclass
class Desk:
    """A desk under test."""

    engine: Engine
    parts: DeskParts
    clients: list[TestClient] = field(default_factory=list)

    def account(self, name: str, *roles: str, must_change: bool = False) -> None:
        """Make a local account with the test's password."""
        new = NewAccount(
            name=name,
            full_name=name.title(),
            source=AccountSource.LOCAL,
            password_hash=secrets_kept.hash_password(PASSWORD),
            must_change_password=must_change,
            created_by="a test",
        )
        with self.engine.begin() as connection:
            create_account(connection, new, grants_of(roles))

    def browser(self) -> TestClient:
        """Return a browser that nobody has signed in with."""
        return self._browser(("testclient", 50000))

    def browser_here(self) -> TestClient:
        """Return one on the host of the desk itself."""
        return self._browser(("127.0.0.1", 50000))

    def _browser(self, address: tuple[str, int]) -> TestClient:
        client = TestClient(
            desk_app(self.parts, {}),
            client=address,
            base_url="http://127.0.0.1:8080",
            follow_redirects=False,
            raise_server_exceptions=True,
        )
        self.clients.append(client)
        return client

    def signed_in(self, name: str, *roles: str) -> TestClient:
        """Make an account, and return a browser that it is signed in with."""
        self.account(name, *roles)
        client = self.browser()
        answer = sign_in(client, name)
        assert answer.status_code == 303, answer.text
        return client


def sign_in(client: TestClient, name: str, password: str = PASSWORD, target: str = "") -> object:
    """Fill in the form and send it."""
    form = form_secret(client, f"/sign-in?target={target}")
    data = {"form_secret": form, "account": name, "password": password, "target": target}
    return client.post("/sign-in", data=data)


def form_secret(client: TestClient, path: str) -> str:
    """Return what forms of a page carry."""
    found = _SECRET.search(client.get(path).text)
    assert found, f"{path} has no form"
    return found[1]


@pytest.fixture
def desk(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Give a desk on an empty ledger; passwords are hashed with the least work that Argon2 allows."""
    monkeypatch.setattr(secrets_kept, "_HASHER", secrets_kept.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    secrets_kept._nobodys_hash.cache_clear()
    engine = create_engine_for(embedded_database_url)
    made = Desk(engine, desk_parts(load_settings(), lambda: engine))
    yield made
    for client in made.clients:
        client.close()
    engine.dispose()


@pytest.fixture
def actions(desk: Desk) -> Callable[[], list[tuple[str, str, str]]]:
    """Return a function that gives the audit log: action, outcome, who."""
    from sqlalchemy import text

    def read() -> list[tuple[str, str, str]]:
        with desk.engine.connect() as connection:
            rows = connection.execute(text("SELECT action, outcome, who FROM audit_entries ORDER BY id"))
            return [tuple(row) for row in rows]

    return read
