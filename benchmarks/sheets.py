"""Pictures of all emails side by side: on a phone, on a desk, and in the dark; the languages take turns."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from regulars.preview.preview import Preview

LOOKS = {"phone": (320, "light"), "desk": (600, "light"), "dark": (600, "dark")}
_THUMB = 200
_PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 24px; background: {ground}; color: {ink}; font: 13px sans-serif }}
main {{ display: grid; grid-template-columns: repeat(7, {thumb}px); gap: 22px; width: max-content }}
figure {{ margin: 0 }} img {{ width: {thumb}px; border-radius: 6px; box-shadow: 0 1px 5px #0004 }}
figcaption {{ margin: 0 0 6px }}</style><main>{figures}</main>"""


def take(emails: Sequence[Preview], folder: Path) -> None:
    """Writes `emails-phone.png`, `emails-desk.png` and `emails-dark.png`."""
    names = list(dict.fromkeys(one.email for one in emails))
    languages = list(dict.fromkeys(one.locale for one in emails))
    shown = [
        next(one for one in emails if one.email == name and one.locale == languages[place % len(languages)])
        for place, name in enumerate(names)
    ]
    with tempfile.TemporaryDirectory() as work, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for look in LOOKS:
            _sheet(browser, shown, look, Path(work), folder / f"emails-{look}.png")
        browser.close()


def _sheet(browser: Browser, shown: Sequence[Preview], look: str, work: Path, target: Path) -> None:
    width, scheme = LOOKS[look]
    dark = scheme == "dark"
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light")
    figures = []
    for place, one in enumerate(shown):
        picture = work / f"{look}-{place}.png"
        page.set_content(one.html)
        page.screenshot(path=picture, full_page=True)
        figures.append(f'<figure><figcaption>{one.email}, {one.locale}</figcaption><img src="{picture.name}"></figure>')
    context, ink = ("#1b1c1e", "#ddd") if dark else ("#eceff1", "#333")
    sheet = work / f"{look}.html"
    sheet.write_text(_PAGE.format(context=context, ink=ink, thumb=_THUMB, figures="".join(figures)), "utf-8")
    page.set_viewport_size({"width": 7 * (_THUMB + 22) + 30, "height": 800})
    page.goto(sheet.as_uri())
    page.screenshot(path=target, full_page=True)
    page.close()
