"""A real browser for tests: one headless Chromium for the whole run, driven from a thread of its own.

Playwright keeps an event loop running where it lives; in its own thread it does not get in the way of tests that
run theirs. `chromium(work)` runs `work` there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

T = TypeVar("T")
PATIENCE = 300.0
"""Seconds that one piece of work may take."""
_AXE = Axe()
_COLOURS = ("color-contrast", "link-in-text-block")
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def installed() -> str | None:
    """Where the browser of this machine is, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Chromium:
    """The browser; raises playwright's errors for what a page does not have within ten seconds."""

    def __init__(self, executable: str) -> None:
        self._thread = ThreadPoolExecutor(1, "chromium")
        self._playwright, self._browser = self._do(_start, executable)

    def __call__(self, work: Callable[[Browser], T]) -> T:
        """What the work gives, done in the browser's thread."""
        return self._do(work, self._browser)

    def close(self) -> None:
        """Ends it."""
        self._do(self._browser.close)
        self._do(self._playwright.stop)
        self._thread.shutdown()

    def _do(self, work: Callable[..., T], *values: Any) -> T:
        return self._thread.submit(work, *values).result(PATIENCE)


def _start(executable: str) -> tuple[Playwright, Browser]:
    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
    return playwright, browser


def tab(browser: Browser, **how: Any) -> Page:
    """A page without cookies or memory of others."""
    page = browser.new_context(**how).new_page()
    page.set_default_timeout(10_000)
    return page


def faults(page: Page, tags: Sequence[str] | None = None, *, colours_only: bool = False) -> list[str]:
    """What axe finds wrong, by all its rules or those with a tag: the rule, and the elements that break it.

    `colours_only` asks what else than before a change of the colour scheme can have brought.
    """
    # WCAG 2.2's least size of what is tapped, 24 pixels: axe looks at it only when told to.
    only = {"runOnly": list(_COLOURS)} if colours_only else {"runOnly": list(tags)} if tags else {}
    asked = {} if colours_only else {"rules": {"target-size": {"enabled": True}}}
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE.axe_script)
    run = "options => axe.run(document, options).then(found => found.violations)"
    found = page.evaluate(run, {"resultTypes": ["violations"], **only, **asked})
    return [f"{one['id']}: " + " ".join(node["html"][:120] for node in one["nodes"]) for one in found]
