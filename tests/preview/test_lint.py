"""`lint`: each kind of disappointment is found once, and a sound workspace is left alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from regulars.core import settings
from regulars.core.colour import contrast
from regulars.preview.lint.dark_styles import Element, dark_rules
from regulars.preview.lint.everything import lint
from regulars.preview.lint.finding import Finding
from regulars.preview.lint.online import broken
from regulars.preview.lint.rendered import colour_of, look_at
from regulars.preview.preview import preview
from regulars.workspace.folder import open_workspace
from tests.common.workspace import write_email, write_workspace

pytestmark = pytest.mark.slow
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
NEWS: dict[str, Any] = {"at": "2026-06-01 10:00", "email": "news"}


def findings(root: Path) -> list[Finding]:
    """Of the files."""
    return lint(open_workspace(root), settings.load(root), NOW).findings


def test_a_sound_workspace_has_none(tmp_path: Path) -> None:
    assert findings(write_workspace(tmp_path / "w", {"news": NEWS}, policy={"cap": "2 per 7 days"})) == []


def test_emails_are_looked_at_as_readers_get_them(tmp_path: Path) -> None:
    line = (
        '<a href="https://prices">c</a><a href="http://shop.example/">d</a>'
        '<a href="https://shop.example/spring">e</a><span style="color: #ffd400">gold</span> Act now!'
    )
    root = write_workspace(tmp_path / "w", {"news": NEWS}, lines={"news": line})
    words = root / "templates" / "emails" / "news" / "words" / "en.yaml"
    text = words.read_text("utf-8").replace("preheader: A word from us", 'preheader: ""\nlost: Nobody reads this')
    words.write_text(
        text.replace('"news for', '"GREAT NEWS AND MORE NEWS!! FOR EVERYBODY WHO READS THIS LONG LINE'), "utf-8"
    )
    found = lint(open_workspace(root), settings.load(root), NOW)
    by_check: dict[str, list[str]] = {}
    for one in found.findings:
        by_check.setdefault(one.check, []).append(one.message)
    assert len(by_check["link"]) == 2
    assert any("gold" in one and "#ffd400 on #ffffff is 1.4:1" in one for one in by_check["contrast"])
    assert len(by_check["spam"]) == 3
    assert "no email shows the word `lost`" in by_check["unused"]
    assert by_check["preheader"] == ["there is no preheader"]
    assert by_check["subject"][0].startswith("the subject has ")
    assert list(found.links) == ["http://shop.example/", "https://prices", "https://shop.example/spring"]


def test_links_made_of_data_are_looked_at_too(tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "w", {"news": NEWS})
    workspace = open_workspace(root)
    (one,) = preview(
        None, workspace, "news", customer=None, step=None, now=NOW, locale=None, settings=settings.load(root)
    )
    found, _ = look_at(replace(one, html='<a href="#">a</a><a href="prices">b</a>'), "http://localhost")
    assert [each.message for each in found] == [
        "a link leads nowhere", "`prices` has no address of a site before it",
    ]  # fmt: skip


def test_a_heavy_email_is_cut_off(tmp_path: Path) -> None:
    root = write_workspace(tmp_path / "w", {"news": NEWS}, lines={"news": "much " * 25_000})
    assert [one.check for one in findings(root)] == ["size"]
    write_email(root, "news", "much " * 14_000)
    assert ["load slowly" in one.advice for one in findings(root)] == [True]


def test_rules_that_nobody_meets_or_that_collide(tmp_path: Path) -> None:
    campaigns = {
        "one": {"on": "visit.done", "email": "one"},
        "two": {"on": "visit.done", "email": "two", "audience": "customer.spent > 5 and customer.spent < 3"},
        "three": {"on": "visit.done", "email": "three"},
    }
    root = write_workspace(tmp_path / "w", campaigns, policy={"cap": "1 per 7 days"})
    write_email(root, "four", "Nobody gets this.")
    found = {(one.check, one.place) for one in findings(root)}
    assert found == {
        ("never", "campaigns two audience"), ("collision", "one, three"), ("unused", "templates/emails/four"),
    }  # fmt: skip


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response({"/gone": 404, "/closed": 403}.get(self.path, 200))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Nothing."""


def test_links_are_tried_only_online() -> None:
    with HTTPServer(("127.0.0.1", 0), _Site) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        assert list(broken([f"{base}/", f"{base}/closed", f"{base}/gone"])) == [
            (f"{base}/gone", "the site answers 404 Not Found")
        ]
        server.shutdown()
    assert [link for link, _ in broken([f"{base}/"])] == [f"{base}/"]


def test_colours_and_their_contrast() -> None:
    assert colour_of("#fff") == colour_of("white") == colour_of("rgb(255, 255, 255)") == (255, 255, 255)
    assert colour_of("currentcolor") is None
    assert round(contrast((0, 0, 0), (255, 255, 255)), 1) == 21.0


def test_what_is_faint_in_dark_mode_alone(tmp_path: Path) -> None:
    dark = (
        "@media (prefers-color-scheme: dark) { .card { background: #222 !important; } .card p.pale { color: #333; } }"
    )
    line = "<style>" + dark + '</style><div class="card"><p class="pale">pale</p><p style="color:#ddd">bright</p></div>'
    root = write_workspace(tmp_path / "w", {"news": NEWS})
    (one,) = preview(
        None, open_workspace(root), "news", customer=None, step=None, now=NOW, locale=None,
        settings=settings.load(root),
    )  # fmt: skip
    found, _ = look_at(replace(one, html=f"{line}"), "http://localhost")
    assert [each.message for each in found] == [
        "`bright` is hard to read: #dddddd on #ffffff is 1.4:1",
        "`pale` is hard to read in dark mode: #333333 on #222222 is 1.3:1",
    ]


@pytest.mark.parametrize(
    ("selector", "path", "fits"),
    [
        ("div", [("div", "")], True),
        (".a.b", [("p", "a b c")], True),
        (".a.b", [("p", "a")], False),
        (".a p", [("div", "a"), ("div", ""), ("p", "")], True),
        (".a > p", [("div", "a"), ("div", ""), ("p", "")], False),
        (".a > p", [("div", "a"), ("p", "")], True),
        ("p .a", [("p", "")], False),
        (".a div > p", [("td", "a"), ("div", ""), ("p", "")], True),
    ],
)
def test_selectors_of_dark_mode(selector: str, path: list[tuple[str, str]], fits: bool) -> None:
    html = f"<style>@media (prefers-color-scheme: dark) {{ {selector}, a:hover {{ color: #fff }} }}</style>"
    (rule,) = dark_rules(html)
    assert rule.fits([Element(tag, frozenset(classes.split())) for tag, classes in path]) is fits


def test_what_mail_programs_do_not_show(tmp_path: Path) -> None:
    for_outlook = '<!--[if mso]><div style="position:absolute"></div><![endif]-->'
    line = f'<div style="display:flex;border-radius:3px">a</div>{for_outlook}'
    root = write_workspace(tmp_path / "w", {"news": NEWS, "other": {**NEWS, "email": "other"}}, lines={"news": line})
    found = [one for one in findings(root) if one.check == "support"]
    assert [(one.place, one.level) for one in found] == [("news/news", "warning"), ("news/news", "hint")]
    assert found[0].message == "`display: flex` is not shown by Outlook for Windows; Gmail in part"


def test_branches_that_no_sample_takes(tmp_path: Path) -> None:
    line = (
        "{% if customer.first_name %}a{% elif customer.last_name %}b{% else %}c{% endif %}"
        "{% for one in [1] %}{% if one == 2 %}d{% endif %}{% else %}e{% endfor %}"
    )
    root = write_workspace(tmp_path / "w", {"news": NEWS}, lines={"news": line})
    found = [one for one in findings(root) if one.check == "branch"]
    assert len(found) == 4
    assert {one.place.rsplit(":", 2)[0].rpartition("/")[2] for one in found} == {"body.mjml"}
