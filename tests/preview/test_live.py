"""`preview --live`: an edit is seen at once, faults are named, and nobody elsewhere is answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from regulars.core import clock, settings
from regulars.preview.live_files import LiveFiles
from regulars.preview.live_server import LiveServer
from tests.common.servers import free_port, wait_for
from tests.common.workspace import write_campaigns, write_email, write_workspace

pytestmark = pytest.mark.slow
NOW = clock.frozen(datetime(2026, 6, 1, 12, tzinfo=UTC))
RULES = {"news": {"at": "2026-06-01 10:00", "email": "news"}}
EMAIL = "/email/news/news/-/en"


@pytest.fixture
def files(tmp_path: Path) -> Iterator[LiveFiles]:
    found = LiveFiles(write_workspace(tmp_path / "shop", RULES))
    found.start()
    yield found
    found.stop()


class Browser:
    """Asks the real server for pages."""

    def __init__(self, files: LiveFiles) -> None:
        self.port = free_port()
        application = LiveServer(files, settings.load(files.root), NOW).application()
        config = uvicorn.Config(application, port=self.port, log_level="error", lifespan="off", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        wait_for(lambda: self.server.started, "the server runs", 30)

    def get(self, path: str, host: str = "localhost") -> tuple[int, str, Mapping[str, str]]:
        """Status, text and headers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), {k.lower(): v for k, v in answer.headers.items()}
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        """What the page knows."""
        found: dict[str, Any] = json.loads(self.get("/state")[1])
        return found

    def close(self) -> None:
        """Ends the server."""
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def browser(files: LiveFiles) -> Iterator[Browser]:
    found = Browser(files)
    yield found
    found.close()


def _checked(files: LiveFiles) -> str:
    wait_for(lambda: files.state.faults is not None, "the files are checked", 30)
    return files.state.faults or ""


def test_an_edit_of_an_email_is_rendered_before_all_is_checked(files: LiveFiles, browser: Browser) -> None:
    assert "We thought of you." in browser.get(EMAIL)[1]
    assert "prefers-color-scheme" not in browser.get(f"{EMAIL}?mode=dark")[1]
    before = files.state
    write_email(files.root, "news", "Another line.")
    wait_for(lambda: files.state.emails > before.emails, "the edit was seen", 30)
    _, text, headers = browser.get(EMAIL)
    assert "Another line." in text
    assert headers["content-security-policy"].startswith("sandbox")
    assert json.loads(browser.get(f"{EMAIL}?meta")[1])["preheader"] == "A word from us"
    assert _checked(files) == ""


def test_faults_stand_beside_the_last_sound_rules(files: LiveFiles, browser: Browser) -> None:
    path = files.root / "campaigns" / "campaigns.yaml"
    sound = path.read_text("utf-8")
    number = files.state.number
    path.write_text(sound.replace("at:", "att:"), encoding="utf-8")
    wait_for(lambda: files.state.number > number and bool(files.state.faults), "the fault was found", 30)
    state = browser.state()
    assert "att" in state["faults"]
    assert [email["step"] for email in state["campaigns"]["news"]] == ["news"]
    write_campaigns(files.root, {**RULES, "more": {"on": "purchase", "email": "news"}})
    wait_for(lambda: "more" in browser.state()["campaigns"], "the new campaign is listed", 30)
    assert _checked(files) == ""


def test_a_faulty_email_says_where(files: LiveFiles, browser: Browser) -> None:
    number = files.state.emails
    write_email(files.root, "news", "{{ customer.nobody }}")
    wait_for(lambda: files.state.emails > number, "the edit was seen", 30)
    status, text, _ = browser.get(EMAIL)
    assert status == 500
    assert "nobody" in text
    assert browser.get("/email/nothing/news/-/en")[0] == 500


def test_the_page_loads_nothing_from_elsewhere_and_other_hosts_get_no_answer(browser: Browser) -> None:
    _, page, _ = browser.get("/")
    assert "http://" not in page
    assert "https://" not in page
    assert browser.get("/", host="evil.example")[0] == 400


def test_a_workspace_that_was_never_sound_is_waited_for(tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "shop", {"news": {"att": "2026-06-01 10:00", "email": "news"}})
    files = LiveFiles(root)
    browser = Browser(files)
    assert browser.get(EMAIL)[0] == 500
    assert browser.state()["campaigns"] == {}
    files.start()
    try:
        write_campaigns(root, RULES)
        wait_for(lambda: browser.get(EMAIL)[0] == 200, "the sound rules are shown", 30)
    finally:
        files.stop()
        browser.close()


def test_a_browser_hears_of_a_change(files: LiveFiles) -> None:
    server = LiveServer(files, settings.load(files.root), NOW)

    async def first() -> str:
        return await anext(server.events())

    write_email(files.root, "news", "Another line.")
    number = json.loads(asyncio.run(first()).removeprefix("data: "))["number"]
    assert number > 1
