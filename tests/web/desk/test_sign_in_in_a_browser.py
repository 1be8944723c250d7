"""Signing in through the provider in a real chromium, over a desk that really serves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.viewer.ohif import chromium
from tests.web.desk.conftest import Desk
from tests.web.oidc_provider import Provider, running_provider
from trabecula.bootstrap.desk.parts import desk_parts
from trabecula.bootstrap.desk.serving import DeskServer
from trabecula.settings import load_settings

pytestmark = [  # of the provider under test, not of ours
    pytest.mark.filterwarnings("ignore::authlib.deprecate.AuthlibDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running_provider() as running:
        running.person("7f3a", preferred_username="ann.lee", name="Ann Lee", groups=["radiology"])
        yield running


@pytest.fixture
def address(desk: Desk, provider: Provider, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "secret").write_text("the client's secret\n")
    settings = load_settings(
        web_port=0,
        oidc_issuer=provider.issuer,
        oidc_client_id="trabecula",
        oidc_client_secret_file=tmp_path / "secret",
        oidc_roles_claim="groups",
        oidc_roles={"radiology": "viewer"},
    )
    ready, addresses = threading.Event(), []
    server = DeskServer(settings, desk_parts(settings, lambda: desk.engine), {})
    server.start(lambda found: (addresses.append(found), ready.set()))
    try:
        assert ready.wait(20)
        yield addresses[0]
    finally:
        server.stop()


def test_the_button_leads_to_the_provider_and_back_to_the_page_that_was_wanted(
    address: str, provider: Provider, require_tool: Callable[[str], str], tmp_path: Path
) -> None:
    said = []
    with chromium(require_tool("chromium")) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("console", lambda message: said.append((message.location["url"], message.text)))
        page.goto(f"{address}/account")
        page.screenshot(path=tmp_path / "sign-in.png")
        button = page.get_by_role("link", name="Sign in with the hospital's account")
        assert page.evaluate("document.activeElement.textContent").strip() == "Sign in with the hospital's account"
        button.click()
        page.wait_for_url(f"{provider.issuer}/**")
        page.locator("input[name=sub]").fill("7f3a")
        page.locator("button", has_text="Authorize").first.click()
        page.wait_for_url(f"{address}/account")
        page.screenshot(path=tmp_path / "account.png")
        cookies = {cookie["name"]: cookie for cookie in page.context.cookies(address)}

        assert page.get_by_role("link", name="Ann Lee").is_visible()
        assert [text for where, text in said if where.startswith(address)] == []
        assert (cookies["trabecula-session"]["httpOnly"], cookies["trabecula-session"]["sameSite"]) == (True, "Lax")
        assert "trabecula-provider" not in cookies
