"""The desk as people use it: a served application, a phantom's result, and Debian's chromium."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.databases import embedded_url, empty
from tests.phantom_ledger import phantom_world, process
from tests.pipeline.world import World
from tests.viewer.ohif import chromium
from trabecula.bootstrap.desk.serving import running_desk
from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.actor import grants_of
from trabecula.ledger.access.accounts import NewAccount, create_account
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol
from trabecula.phantom.study import CtStudySpec
from trabecula.settings import load_settings
from trabecula.web.access.secrets_kept import hash_password

TINY = CtProtocol(pixel_mm=1.5, matrix=(120, 96), thickness_mm=4.0, increment_mm=4.0)
PASSWORD = "correct horse staple battery"
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
PAGES = (
    "/", "/studies", "/studies?text=nobody", "{study}", "{study}/report", "/models", "{model}", "/account",
    "/account/password", "/administration", "/administration/users", "/administration/settings?all=1",
    "/administration/audit", "/administration/doctor", "/bulk", "/nothing-here",
)  # fmt: skip


@dataclass(frozen=True)
class Served:
    """A desk that answers, and what it shows."""

    address: str
    world: World
    study_uid: str
    browser: Browser


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, require_tool: Callable[[str], str]) -> Iterator[Served]:
    program = require_tool("chromium")
    empty(embedded_url())
    study = make_ct_study(CtStudySpec(sample_patient(7, 1, age_years=72, density_l1=55.0), TINY, case="desk"))
    with pytest.MonkeyPatch.context() as patch:
        data = tmp_path_factory.mktemp("desk")
        patch.setenv("TRABECULA_WEB_PORT", "0")
        patch.setenv("TRABECULA_DESTINATIONS", "PACS=PACS@127.0.0.1:1")
        world = phantom_world(embedded_url(), data, [study], patch)
        world.services = replace(world.services, sender=world.sender, requester=world.requester)
        process(world)
        _account(world, "ann", "admin")
        _account(world, "vic", "viewer")
        ready, found = threading.Event(), []

        def on_ready(address: str) -> None:
            found.append(address)
            ready.set()

        with running_desk(load_settings(), {}, on_ready), chromium(program) as browser:
            assert ready.wait(20)
            yield Served(found[0], world, study.study_uid, browser)
        world.engine.dispose()


def _account(world: World, name: str, role: str) -> None:
    new = NewAccount(
        name=name, full_name=name.title(), source=AccountSource.LOCAL, password_hash=hash_password(PASSWORD),
        created_by="a test",
    )  # fmt: skip
    with world.engine.begin() as connection:
        create_account(connection, new, grants_of([role]))


@contextmanager
def signed_in(served: Served, name: str, expected: tuple[str, ...] = ("404",), **options: object) -> Iterator[Page]:
    """Sign in with the keyboard alone, as somebody does who has no mouse; nothing may be said on the console."""
    context: BrowserContext = served.browser.new_context(base_url=served.address, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto("/sign-in")
    expect(page.get_by_label("Account")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(served.address + "/")
    try:
        yield page
        assert [line for line in said if not any(status in line for status in expected)] == []
    finally:
        context.close()


@pytest.mark.parametrize(("scheme", "size"), [("light", (1280, 800)), ("dark", (820, 1180))])
def test_every_page_is_within_reach_for_everybody_and_says_nothing_on_the_console(
    served: Served, scheme: str, size: tuple[int, int]
) -> None:
    viewport = {"width": size[0], "height": size[1]}
    with signed_in(served, "ann", color_scheme=scheme, viewport=viewport) as page:
        page.goto("/models")
        model = page.locator("a[href^='/models/']").first.get_attribute("href")
        for path in PAGES:
            page.goto(path.format(study=f"/studies/{served.study_uid}", model=model))
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(item["id"], item["nodes"][0]["html"]) for item in found] == [], path
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"{path} is wider than the screen"


def test_a_coordinator_finds_a_study_reads_it_and_leaves_an_opinion(served: Served) -> None:
    with signed_in(served, "ann") as page:
        page.get_by_role("link", name="Studies", exact=True).click()
        page.get_by_label("Patient ID, accession or study UID").fill(served.study_uid[:20])
        page.get_by_role("button", name="Search").click()
        assert "text=" in page.url, "the address keeps the filter"
        page.locator("tbody a").first.click()

        picture = page.get_by_alt_text("The one-page picture of the result")
        expect(picture).to_have_js_property("complete", True, timeout=20_000)
        assert picture.evaluate("image => image.naturalWidth") > 1000
        expect(page.get_by_role("region", name="Levels", exact=True)).to_contain_text("L1")

        page.get_by_label("I disagree").check()
        page.get_by_label("Comment").fill("L1 is fractured")
        page.get_by_role("button", name="Note it").click()
        expect(page.get_by_text("ann disagrees")).to_be_visible()

        page.get_by_placeholder("tag").fill("teaching")
        page.get_by_role("button", name="Add").click()
        expect(page.locator("span.tag", has_text="teaching")).to_be_visible()
        page.get_by_role("button", name="Take the tag teaching off").click()
        expect(page.locator("span.tag", has_text="teaching")).to_have_count(0)


def test_each_decision_is_asked_for_once_more_and_can_be_left(served: Served) -> None:
    with signed_in(served, "ann") as page:
        page.goto(f"/studies/{served.study_uid}")
        page.get_by_role("button", name="Measure anew…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("next revision")
        dialog.get_by_role("button", name="Keep as it is").click()
        expect(dialog).to_be_hidden()
        page.get_by_role("button", name="Measure anew…").click()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()

        page.get_by_role("button", name="Measure anew…").click()
        dialog.get_by_role("button", name="Measure anew").click()
        expect(page.get_by_role("status")).to_contain_text("measured anew")
        page.get_by_role("button", name="Cancel…").click()
        page.get_by_role("dialog").get_by_role("button", name="Cancel the study").click()
        expect(page.get_by_role("status")).to_contain_text("cancelled")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_role("status")).to_contain_text("tried again")
    process(served.world)
    assert served.world.state(served.study_uid) == "DONE"
    assert served.world.rows("SELECT who FROM events WHERE what = 'CANCELLED'") == ["ann"]


def test_the_overview_renews_itself(served: Served) -> None:
    with signed_in(served, "ann") as page:
        page.clock.install()
        page.goto("/")
        expect(page.get_by_role("link", name="receiving")).to_be_visible()
        with page.expect_response(lambda answer: answer.request.headers.get("x-fragment") == "1") as renewed:
            page.clock.fast_forward(11_000)
        assert renewed.value.status == 200
        expect(page.get_by_role("heading", name="Destinations")).to_be_visible()
        expect(page.locator("header.bar")).to_have_count(1)


def test_a_viewer_sees_no_place_of_administration(served: Served) -> None:
    with signed_in(served, "vic", expected=("403",)) as page:
        expect(page.get_by_role("link", name="Administration")).to_have_count(0)
        page.goto("/models")
        page.locator("a[href^='/models/']").first.click()
        expect(page.get_by_role("heading", name="Can it be believed?")).to_be_visible()
        assert page.get_by_role("button", name="Change the role").count() == 0
        refused = page.goto("/administration")
        assert refused is not None
        assert refused.status == 403


def test_an_administrator_makes_an_account_that_can_sign_in(served: Served) -> None:
    with signed_in(served, "ann") as page:
        page.goto("/administration/users")
        page.get_by_label("Name", exact=True).fill("cem")
        page.get_by_label("Roles", exact=True).fill("viewer")
        page.get_by_role("button", name="Make the account").click()
        password = page.locator("code.secret").inner_text()
    context = served.browser.new_context(base_url=served.address)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Account").fill("cem")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    assert page.url == f"{served.address}/account/password"
    context.close()


def test_a_signed_out_browser_shows_nothing_when_somebody_goes_back(served: Served) -> None:
    with signed_in(served, "ann") as page:
        page.goto(f"/studies/{served.study_uid}")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.go_back()
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.get_by_role("region", name="Levels", exact=True).count() == 0
        assert page.get_by_alt_text("The one-page picture of the result").count() == 0


def test_no_request_leaves_the_service(served: Served) -> None:
    with signed_in(served, "ann") as page:
        elsewhere: list[str] = []
        page.on(
            "request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith(served.address) else None
        )
        for path in PAGES:
            page.goto(path.format(study=f"/studies/{served.study_uid}", model="/models"))
        assert elsewhere == []
