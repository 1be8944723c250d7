"""OHIF in a real browser as a reader uses it (open a study and its results, step, zoom), and what the browser drew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

WAIT_MS = 60_000
_FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
"""A test runs as root and without a graphics card."""
_AS_ON_A_LATER_DAY = (
    "localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']));"
    "sessionStorage.setItem('investigationalUseDialog', 'hidden');"
)
"""A reader has seen the tour and the notice before."""
_TEXTS = """() => [...document.querySelectorAll('.cornerstone-viewport-element svg text')].map(text => {
  const box = text.getBoundingClientRect();
  const lines = [...text.querySelectorAll('tspan')].map(line => line.textContent).filter(line => line);
  const active = text.getAttribute('fill') === 'rgb(0, 255, 0)';
  return {lines, active, x: box.x, y: box.y, width: box.width, height: box.height};
}).filter(text => text.width > 0 && text.lines.length > 0)"""
_VIEWPORT = """() => {
  const box = document.querySelector('.cornerstone-viewport-element').getBoundingClientRect();
  return {lines: [], active: false, x: box.x, y: box.y, width: box.width, height: box.height};
}"""
_NOISE = ("favicon", "manifest", "DICOMSR Viewport")


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle on the page, in CSS pixels from its upper left corner, and the lines of text it holds.

    ``active`` is that of the group the viewer stands at, which it draws in green.
    """

    lines: tuple[str, ...]
    active: bool
    x: float
    y: float
    width: float
    height: float

    def overlaps(self, other: Box) -> bool:
        """Whether the two share more than a border."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return across > 0 and down > 0

    def holds(self, other: Box) -> bool:
        """Whether the other lies inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )


class Ohif:
    """One page of the browser. ``errors`` are what the page's own log calls errors, and exceptions nobody caught."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self._url = url
        page.set_default_timeout(WAIT_MS)
        page.add_init_script(_AS_ON_A_LATER_DAY)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)

    def open_study(self, study_uid: str) -> None:
        """Open a study and wait until its list of series stands."""
        self.errors.clear()
        self.page.goto(f"{self._url}/viewer?StudyInstanceUIDs={study_uid}")
        self.page.wait_for_selector("[data-cy^=study-browser-thumbnail]")
        self.page.wait_for_selector(".cornerstone-viewport-element canvas")

    def open_series(self, number: int, *, newest: bool = True) -> None:
        """Open the series with this number by a double click, as a reader does."""
        found = self.page.locator(f"[data-cy^=study-browser-thumbnail][data-series='{number}']")
        (found.first if newest else found.last).dblclick()

    def texts(self) -> list[Box]:
        """Return what is written on the image, once it has come to rest."""
        self.page.wait_for_function(f"() => ({_TEXTS})().length > 0")
        return self._at_rest()

    def viewport(self) -> Box:
        """Return the viewport."""
        return _box(self.page.evaluate(_VIEWPORT))

    def step_back(self) -> None:
        """Go to the group before (from the first to the last), and wait until the browser has drawn something else.

        Between two groups on one image the viewer draws nothing anew.
        """
        before = [[list(text.lines), text.active] for text in self.texts()]
        self.page.locator("[data-cy=viewport-action-arrows-left]").first.click()
        self.page.wait_for_function(
            f"before => {{ const now = ({_TEXTS})().map(text => [text.lines, text.active]);"
            " return now.length > 0 && JSON.stringify(now) !== JSON.stringify(before); }",
            arg=before,
        )

    def segments(self) -> list[tuple[str, tuple[int, int, int]]]:
        """Return name and colour (RGB) of each segment, as the viewer lists them."""
        rows = self.page.locator("[data-cy=data-row]")
        if not rows.first.is_visible():
            self.page.locator("[data-cy=side-panel-header-right]").first.click()
        rows.first.wait_for()
        found = self.page.evaluate(
            """() => [...document.querySelectorAll('[data-cy=data-row]')].map(row => [
              row.querySelector('[data-cy=data-row-title]').textContent.trim(),
              getComputedStyle(row.querySelector('[data-cy=data-row-colorhex]')).backgroundColor])"""
        )
        return [(name, _rgb(colour)) for name, colour in found]

    def choose_segment(self, name: str) -> None:
        """Click a segment's name, by which the viewer goes to its middle."""
        self.page.locator("[data-cy=data-row-title]").filter(has_text=name).click()

    def image(self) -> bytes:
        """Return what the viewport shows as a PNG."""
        return self.page.locator(".cornerstone-viewport-element").first.screenshot()

    def wait_for_image(self, shown: Callable[[bytes], bool]) -> None:
        """Wait until the viewport shows what is asked for."""
        for _ in range(100):
            if shown(self.image()):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError("the viewport does not show it")

    def picture(self, name: str) -> None:
        """Keep what the browser shows as a PNG in the folder $TRABECULA_VIEWER_PICTURES, if that is set."""
        folder = os.environ.get("TRABECULA_VIEWER_PICTURES")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{name.replace(' ', '-')}.png")

    def press(self, key: str, times: int = 1) -> None:
        """Press a key of the viewer, e.g. ``+`` to zoom in."""
        self.page.locator(".cornerstone-viewport-element").first.hover()
        for _ in range(times):
            self.page.keyboard.press(key)

    def _at_rest(self) -> list[Box]:
        before: list[Box] = []
        for _ in range(50):
            now = [_box(text) for text in self.page.evaluate(_TEXTS)]
            if now and now == before:
                return now
            before = now
            self.page.wait_for_timeout(100)
        raise AssertionError(f"the texts do not come to rest: {before}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(noise in message.text for noise in _NOISE):
            self.errors.append(message.text)


def overlapping(boxes: list[Box]) -> list[tuple[Box, Box]]:
    """Return the pairs of boxes that lie over each other."""
    return [(one, other) for one, other in combinations(boxes, 2) if one.overlaps(other)]


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Run Debian's chromium without a window."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return red, green, blue


def _box(found: dict[str, object]) -> Box:
    values = {key: round(float(str(found[key])), 1) for key in ("x", "y", "width", "height")}
    lines = found["lines"]
    assert isinstance(lines, list)
    return Box(lines=tuple(str(line) for line in lines), active=bool(found["active"]), **values)
