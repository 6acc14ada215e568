"""Grades hits: human or machine. Mail scanners open links, and mail programs load pictures, before anybody reads.

A sign is what a single request reveals; `grades` evaluates all requests for the links of one email together, so
that later evidence counts for earlier requests too. More requests can only make a grade worse, never better.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class HitKind(StrEnum):
    """What was requested: a link, the tracking pixel, or the hidden link."""

    CLICK = "click"
    OPEN = "open"
    TRAP = "trap"


class Sign(StrEnum):
    """What a single request reveals."""

    SCANNER = "scanner"  # identifies itself: a mail gateway, a robot, a link preview
    TOOL = "tool"  # a programming library, a headless browser
    NAMELESS = "nameless"  # no user agent, or only its common prefix
    PREFETCH = "prefetch"  # a prefetch header
    PEEKED = "peeked"  # HEAD came first, which browsers do not send
    PROXY = "proxy"  # a provider's proxy, which requests when a person looks, but also automatically
    ODD = "odd"  # an unknown browser


class Grade(StrEnum):
    """Who made the request, as far as is known."""

    HUMAN = "human"
    UNSURE = "unsure"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for a link of an email; `link` is its target."""

    kind: HitKind
    link: str
    at: datetime
    sign: Sign | None = None


MACHINE_WITHIN = timedelta(seconds=5)
"""After the mail server accepted the email: too early for a reader."""
UNSURE_WITHIN = timedelta(seconds=15)
"""After the mail server accepted the email: only possible for a reader with the inbox open."""
SAME_MOMENT = timedelta(seconds=2)
"""Two links within this time can be a person's accident, three cannot."""
EVIDENCE_WINDOW = timedelta(minutes=10)
"""A request for the hidden link makes all requests within this time before and after a machine's."""

SLOW_WINDOW, SLOW_LINKS = timedelta(minutes=1), 4
"""So many links within this time are a scanner that takes its time: it is longer than a reader needs for one page."""

_GRADES = {Sign.PROXY: Grade.UNSURE, Sign.ODD: Grade.UNSURE}
_ORDER = {Grade.HUMAN: 0, Grade.UNSURE: 1, Grade.MACHINE: 2}

_ROBOTS = re.compile(
    r"bots?\b|crawl|spider|slurp|\bscan|scanner|preview|safebrowsing|google-safety|gmail-content-sampling|feedfetcher"
    r"|archive|monitor|validator|barracuda|mimecast|proofpoint|cloudmark|symantec|messagelabs|trendmicro|trend micro"
    r"|sophos|fortiguard|fortinet|\beset|zscaler|forcepoint|\bcisco|ironport|kaspersky|bitdefender|checkpoint"
    r"|check point|virustotal|microsoft office|ms-office|skypeuri|facebookexternalhit|whatsapp|viber|slack|discord"
    r"|embedly|nuzzel|iframely",
    re.IGNORECASE,
)
_OLD_EDGE = re.compile(r"\bEdge/12\.")
"""Edge of 2015, which no person has used for years. Gmail's sampling of links names itself so, with and without
`Gmail-content-sampling` (github.com/mssola/user_agent/issues/71), and its fetching of pictures before anybody reads
(github.com/pentacent/keila/pull/164)."""
_RETIRED_EDGE = re.compile(r"\bEdge/1[3-8]\.")
"""Edge up to 2020: without support since March 2021, left on a few machines."""
_DEVICE = re.compile(r"\(Linux; [^()]*Android[^()]*\)")
"""The brackets in which a browser names its phone. Some phones are called as robots and tools are: CUBOT X70, Xiaomi's
`ruby`. Robots name themselves elsewhere, or in brackets that begin with `compatible`."""
_TOOLS = re.compile(
    r"headless|phantomjs|puppeteer|playwright|selenium|python|aiohttp|httpx|curl/|wget|libwww|\blwp|\bperl|\bruby|java/"
    r"|okhttp|apache-http|go-http|node-fetch|axios|undici|guzzle|php/|winhttp|postman|insomnia|scrapy|httpclient|dart:io"
    r"|libcurl",
    re.IGNORECASE,
)
_PROXIES = re.compile(
    r"googleimageproxy|ggpht|yahoomailproxy|yahoocachesystem|mail\.ru|outlook-ios-proxy", re.IGNORECASE
)
_BROWSER = re.compile(r"Mozilla/5\.0 \([^)]+\).*(?:Gecko|AppleWebKit|Trident)|Opera/")
_READER = re.compile(r"Thunderbird|Outlook|Microsoft Office|Apple ?Mail|Airmail|Spark|eM ?Client", re.IGNORECASE)
_PREFETCH_HEADERS = ("purpose", "sec-purpose", "x-purpose", "x-moz")


def sign(kind: HitKind, headers: Mapping[str, str], *, peeked: bool = False) -> Sign | None:
    """The sign in a request's headers (lower-case names); None where it looks like a person's browser.

    `peeked`: a HEAD request for a link of the same email came shortly before.
    """
    agent = headers.get("user-agent", "").strip()
    if any("prefetch" in headers.get(name, "") or "preview" in headers.get(name, "") for name in _PREFETCH_HEADERS):
        return Sign.PREFETCH
    if agent.removeprefix("Mozilla/5.0").strip() == "":
        return Sign.NAMELESS
    if kind is HitKind.OPEN and _READER.search(agent):  # an Office program that opens emails is Outlook
        return Sign.PEEKED if peeked else None
    names = _DEVICE.sub("", agent)
    for found, pattern in (
        (Sign.PROXY, _PROXIES), (Sign.SCANNER, _OLD_EDGE), (Sign.SCANNER, _ROBOTS), (Sign.TOOL, _TOOLS),
    ):  # fmt: skip
        if pattern.search(names):
            return found
    if peeked:
        return Sign.PEEKED
    return None if _BROWSER.search(agent) and not _RETIRED_EDGE.search(agent) else Sign.ODD


def grades(hits: Sequence[Hit], sent_at: datetime | None) -> list[Grade]:
    """The grade of each hit of one email; `sent_at` is when the mail server accepted it, None while unknown."""
    traps = [hit.at for hit in hits if hit.kind is HitKind.TRAP]
    clicks = [hit for hit in hits if hit.kind is HitKind.CLICK]
    scans = [first.at for first in clicks if _links_from(first.at, clicks) >= SLOW_LINKS]
    return [
        max(_grade_of_request(hit, sent_at), _grade_beside_others(hit, clicks, traps, scans), key=_ORDER.__getitem__)
        for hit in hits
    ]


def _grade_of_request(hit: Hit, sent_at: datetime | None) -> Grade:
    """The grade by the request itself and its delay after sending."""
    if hit.kind is HitKind.TRAP:
        return Grade.MACHINE
    own = Grade.HUMAN if hit.sign is None else _GRADES.get(hit.sign, Grade.MACHINE)
    if sent_at is None:
        soon = Grade.UNSURE
    elif hit.at < sent_at + MACHINE_WITHIN:
        soon = Grade.MACHINE
    else:
        soon = Grade.UNSURE if hit.at < sent_at + UNSURE_WITHIN else Grade.HUMAN
    return max(own, soon, key=_ORDER.__getitem__)


def _links_from(begin: datetime, clicks: Sequence[Hit]) -> int:
    """How many links were followed within the window that begins there."""
    return len({click.link for click in clicks if timedelta() <= click.at - begin <= SLOW_WINDOW})


def _grade_beside_others(
    hit: Hit, clicks: Sequence[Hit], traps: Sequence[datetime], scans: Sequence[datetime]
) -> Grade:
    """The grade by other requests at about the same time."""
    if any(abs(hit.at - trap) <= EVIDENCE_WINDOW for trap in traps):
        return Grade.MACHINE
    if hit.kind is not HitKind.CLICK:
        return Grade.HUMAN
    if any(timedelta() <= hit.at - begin <= SLOW_WINDOW for begin in scans):
        return Grade.MACHINE
    near = {other.link for other in clicks if abs(other.at - hit.at) <= SAME_MOMENT}
    return (Grade.HUMAN, Grade.UNSURE)[len(near) - 1] if len(near) <= 2 else Grade.MACHINE
