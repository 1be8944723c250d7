"""A reader of the desk: signs in through the web application and asks for pages as a browser does."""

from __future__ import annotations

import html
import http.client
import re
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit

import psycopg
from sqlalchemy import Engine

from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.actor import grants_of
from trabecula.ledger.access.accounts import NewAccount, create_account
from trabecula.ledger.connections import conninfo_of
from trabecula.web.access.secrets_kept import hash_password

PASSWORD = "a password of the benchmark"
_SECRET = re.compile(r'name="form_secret" value="([0-9a-f]+)"')
_NEXT = re.compile(r'href="(/studies\?[^"]*after=[^"]*)"')
_STUDY = re.compile(r'href="(/studies/[0-9.]+)"')
_FORM = "application/x-www-form-urlencoded"


def make_account(engine: Engine) -> str:
    """Make an account that may do everything and return its name."""
    name = f"bench{time.time_ns()}"
    new = NewAccount(
        name=name,
        full_name="Benchmark",
        source=AccountSource.LOCAL,
        password_hash=hash_password(PASSWORD),
        must_change_password=False,
        created_by="bench",
    )
    with engine.begin() as connection:
        create_account(connection, new, grants_of(["admin"]))
    return name


class Browser:
    """One connection that is kept, its cookies, and how long each page took in milliseconds, by kind."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
        self._cookies: dict[str, str] = {}
        self.took: list[tuple[str, float]] = []

    def sign_in(self, account: str) -> None:
        """Sign in by the form."""
        self.post("/sign-in", {"account": account, "password": PASSWORD}, self.page("sign in", "/sign-in"))
        self.took.clear()

    def page(self, kind: str, path: str) -> str:
        """Return a page, whole; note how long it took."""
        started = time.perf_counter()
        status, _, text = self._asked("GET", path)
        self.took.append((kind, 1e3 * (time.perf_counter() - started)))
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        return text

    def post(self, path: str, form: Mapping[str, str], shown: str) -> str:
        """Send the form of a page that was shown and return where it leads."""
        secret = _SECRET.search(shown)
        assert secret is not None, "every form has its secret"
        status, target, text = self._asked("POST", path, urlencode({**form, "form_secret": secret[1]}))
        if status != 303:
            raise RuntimeError(f"{path}: {status} {text[:500]}")
        return target

    def _asked(self, method: str, path: str, body: str | None = None) -> tuple[int, str, str]:
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        headers |= {"content-type": _FORM, "sec-fetch-site": "same-origin"} if body is not None else {}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        for cookie in answer.headers.get_all("set-cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.status, answer.headers.get("location", ""), text


def read_on(browser: Browser, query: str, *, overview: bool) -> None:
    """Look at a list, its second page and the first study on it, and at the overview where wanted."""
    shown = browser.page("studies", f"/studies{query}")
    for kind, found in (("studies", _NEXT.search(shown)), ("study", _STUDY.search(shown))):
        if found is not None:
            browser.page(kind, html.unescape(found[1]))
    if overview:
        browser.page("overview", "/")


def bulk_by_page(browser: Browser, form: Mapping[str, str], query: str, url: str, most: int) -> tuple[float, int]:
    """Begin a bulk action on a filter by its page and look at it each 3 s, as the page does, until it has done so many.

    Returns the seconds from the click until then and how many pages showed it between nothing and the end.
    """
    shown = browser.page("studies", f"/studies{query}")
    started = time.monotonic()
    target = browser.post("/bulk", {**form, "sure": "all of them", **_fields(query)}, shown)
    number, between = int(target.rsplit("/", 1)[1]), 0
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        while True:
            page = browser.page("bulk", target)
            row = connection.execute("SELECT state, done FROM bulk_actions WHERE id = %s", (number,)).fetchone()
            assert row is not None
            between += 0 < row[1] < most
            if row[0] != "OPEN" or row[1] >= most:
                seconds = time.monotonic() - started
                if row[0] == "OPEN":
                    browser.post(f"{target}/stop", {}, page)
                return seconds, between
            time.sleep(3)


def _fields(query: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in query.lstrip("?").split("&") if "=" in part)


def p95(times: Sequence[float]) -> float:
    """Return the 95th percentile."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
