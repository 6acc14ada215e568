"""What widely used mail programs do not show, by the data of caniemail.com.

The data is a digest of https://github.com/hteumeuleu/caniemail (MIT licence, copyright (c) 2019 Rémi Parmentier and
contributors), as tested by them until 2024: of each feature the newest version of each program. Apple Mail shows all
that is listed, but for `position`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from regulars.preview.lint.finding import Finding, Level

GMAIL, OUTLOOK, OUTLOOK_COM, YAHOO = "Gmail", "Outlook for Windows", "Outlook.com", "Yahoo Mail"
_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
"""Comments, and what is for Outlook alone: it stands there because Outlook lacks the other."""


@dataclass(frozen=True, slots=True)
class Feature:
    """Something in HTML or CSS. `graceful`: where it is missing, the email is plainer and still right."""

    name: str
    pattern: re.Pattern[str]
    missing: tuple[str, ...]
    partly: tuple[str, ...] = ()
    advice: str = ""
    graceful: bool = False

    @property
    def words(self) -> str:
        """Who does not show it."""
        partly = f"; {', '.join(self.partly)} in part" if self.partly else ""
        return f"{', '.join(self.missing)}{partly}" if self.missing else f"{', '.join(self.partly)} in part"


def _css(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-]){text}", re.IGNORECASE)


FEATURES = (
    Feature("display: flex", _css(r"display\s*:\s*(?:inline-)?flex"), (OUTLOOK,), (GMAIL,), "use `<mj-column>`"),
    Feature("display: grid", _css(r"display\s*:\s*(?:inline-)?grid"), (GMAIL, OUTLOOK, YAHOO), (), "use `<mj-column>`"),
    Feature("float", _css(r"float\s*:\s*(?:left|right)"), (OUTLOOK,), (), "use `<mj-column>`"),
    Feature(
        "position", _css(r"position\s*:\s*(?:absolute|relative|fixed|sticky)"), (GMAIL, OUTLOOK),
        (OUTLOOK_COM, YAHOO, "Apple Mail"), "put it where it stands in the order of the text",
    ),
    Feature("gap", _css(r"(?:row-|column-)?gap\s*:"), (OUTLOOK, YAHOO), (GMAIL, OUTLOOK_COM), "use `padding`"),
    Feature("variables of CSS", _css(r"var\(\s*--"), (GMAIL, OUTLOOK, OUTLOOK_COM, YAHOO), (), "write the value"),
    Feature("<video>", re.compile(r"<video\b", re.IGNORECASE), (GMAIL, OUTLOOK, OUTLOOK_COM, YAHOO), (),
            "show a picture that links to it"),
    Feature("<form>", re.compile(r"<form\b", re.IGNORECASE), (OUTLOOK,), (GMAIL, OUTLOOK_COM, YAHOO),
            "link to a page with the form"),
    Feature("SVG pictures", re.compile(r"<svg\b|\bsrc=[\"'][^\"'>]{1,2000}\.svg\b", re.IGNORECASE),
            (GMAIL, OUTLOOK), (), "use PNG"),
    Feature("WebP pictures", re.compile(r"\bsrc=[\"'][^\"'>]{1,2000}\.webp\b", re.IGNORECASE), (OUTLOOK,), (GMAIL,),
            "use PNG or JPEG"),
    Feature("pictures inside the HTML", re.compile(r"\bsrc=[\"']data:", re.IGNORECASE), (), (GMAIL, OUTLOOK),
            "give the picture an address"),
    Feature("background pictures", _css(r"background(?:-image)?\s*:[^;}\"']{0,200}url\("), (OUTLOOK,), (YAHOO,),
            "give the same place a colour on which the text can be read", graceful=True),
    Feature("linear-gradient", _css(r"linear-gradient\("), (OUTLOOK, OUTLOOK_COM, YAHOO), (),
            "give the same place a plain colour too", graceful=True),
    Feature("@font-face", re.compile(r"@font-face", re.IGNORECASE), (GMAIL, OUTLOOK_COM, YAHOO), (OUTLOOK,),
            "name a font that everybody has after it", graceful=True),
    Feature("animation", _css(r"animation(?:-name)?\s*:"), (GMAIL, OUTLOOK, OUTLOOK_COM, YAHOO), (),
            "the first picture must say it all", graceful=True),
    Feature("box-shadow", _css(r"box-shadow\s*:\s*(?!none)"), (GMAIL, OUTLOOK, YAHOO), (), "", graceful=True),
    Feature("opacity", _css(r"opacity\s*:\s*0?\.\d"), (OUTLOOK, YAHOO), (), "use a paler colour", graceful=True),
    Feature("border-radius", _css(r"border-radius\s*:\s*(?!0)"), (OUTLOOK,), (), "", graceful=True),
    Feature("styles for dark mode", re.compile(r"prefers-color-scheme"), (GMAIL, OUTLOOK, YAHOO), (),
            "these invert colours by themselves, or show the light ones", graceful=True),
)  # fmt: skip
"""What emails use that not everybody shows; most harmful first."""


def features_in(html: str) -> Iterator[Feature]:
    """The features that an email uses."""
    shown = _HIDDEN.sub("", html)
    return (one for one in FEATURES if one.pattern.search(shown))


def support(emails: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """One finding for each feature, with the first email that uses it; `emails` are places and HTML."""
    used: dict[str, list[str]] = {}
    for place, html in emails:
        for one in features_in(html):
            used.setdefault(one.name, []).append(place)
    for one in FEATURES:
        places = list(dict.fromkeys(used.get(one.name, ())))
        if not places:
            continue
        others = f" and {len(places) - 1} more" if len(places) > 1 else ""
        verb = "looks plainer in" if one.graceful else "is not shown by"
        level = Level.HINT if one.graceful else Level.WARNING
        yield Finding("support", f"{places[0]}{others}", f"`{one.name}` {verb} {one.words}", one.advice, level)
