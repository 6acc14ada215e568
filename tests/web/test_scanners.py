"""Mail scanners open every link, some with a real browser: nothing may change by it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import html
from sqlalchemy import insert

from regulars.dispatch.context import links
from regulars.render import Templates, render
from regulars.store import tables
from regulars.store.engine import write
from regulars.workspace import open_workspace, starter
from tests.common.people import SECRET
from tests.web.shop import NOW, Shop


def paths(shop: Shop) -> list[str]:
    """Every link to our pages in every email of the starter, each email sent to a client of its own."""
    workspace = open_workspace(starter())
    found: list[str] = []
    for number, campaign in enumerate(workspace.rulebook.campaigns.values()):
        for step in campaign.all_steps:
            to = "customer" if campaign.to == "customer" else "manager"
            promise = shop.promise(shop.customer(f"c{number}-{step.key}"), campaign.name, step=step.key, recipient=to)
            found += _in_email(workspace.templates, step.email, promise)
    return found


def _in_email(templates: Templates, email: str, promise: int) -> list[str]:
    values = templates.sample(email)
    values["links"] = links(promise, "http://us", SECRET)
    document = html.document_fromstring(render(templates.compiled(email, "en"), values).html)
    ours = {str(a.get("href")) for a in document.iter("a") if str(a.get("href")).startswith("http://us/")}
    return sorted(address.removeprefix("http://us") for address in {*ours, *values["links"].values()})


def with_coupon(shop: Shop) -> None:
    row = {
        "code": "BACK-AAAAAAAA", "campaign": "win-back", "customer_id": shop.customer("holder"), "occurrence": "1",
        "offer": {"percent": 50}, "uses": 1, "used": 0, "given_at": NOW, "valid_from": NOW, "valid_until": NOW,
    }  # fmt: skip
    with write(shop.engine) as connection:
        connection.execute(insert(tables.coupons).values(row))


def test_getting_every_link_of_every_email_changes_nothing(shop: Shop) -> None:
    with_coupon(shop)
    links_found = paths(shop)
    before = shop.everything()
    assert len(links_found) > 40
    for path in links_found:
        for method in ("GET", "HEAD"):
            assert shop.ask(method, path).status in (200, 404), path
    assert shop.everything() == before


def test_a_browser_that_opens_every_link_changes_nothing(small_shop: Shop, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no Chromium on this machine")
    with_coupon(small_shop)
    kinds = {path.split("/")[1] + path.partition("?")[2]: path for path in paths(small_shop)}
    before = small_shop.everything()
    for path in kinds.values():
        shown = subprocess.run(
            [
                browser, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=3000", "--dump-dom", f"http://127.0.0.1:{small_shop.port}{path}",
            ],
            capture_output=True, text=True, check=True, timeout=120,
        )  # fmt: skip
        assert "<h1>" in shown.stdout, path
    assert small_shop.everything() == before
