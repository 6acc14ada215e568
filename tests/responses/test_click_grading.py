"""Who it was, by requests of the kind that scanners, mail programs and people make."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select

from regulars.db.engine import write
from regulars.db.tables import hits, promises
from regulars.responses.click_grading import Grade, Hit, HitKind, Sign, grades, sign
from regulars.responses.clicks import LinkHit, record_hits
from tests.common.people import add_customer

SENT = datetime(2026, 6, 10, 10, tzinfo=UTC)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"
CUBOT = (
    "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Mobile "
    "Safari/537.36"
)
OLD_EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 "
    "Safari/537.36 Edge/12.246"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
THUNDERBIRD = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.10.0"
OUTLOOK = "Mozilla/4.0 (compatible; ms-office; MSOffice 16; Microsoft Outlook 16.0.17932)"


def click(seconds: float, link: str = "https://studio.example/a", sign: Sign | None = None) -> Hit:
    return Hit(HitKind.CLICK, link, SENT + timedelta(seconds=seconds), sign)


def trap(seconds: float) -> Hit:
    return Hit(HitKind.TRAP, "", SENT + timedelta(seconds=seconds))


def shown(seconds: float, sign: Sign | None = None) -> Hit:
    return Hit(HitKind.OPEN, "", SENT + timedelta(seconds=seconds), sign)


H, U, M = Grade.HUMAN, Grade.UNSURE, Grade.MACHINE


@pytest.mark.parametrize(
    ("what", "asked", "expected"),
    [
        ("a person reads after an hour", [click(3600)], [H]),
        ("a person looks at two offers", [click(3600), click(3640, "b")], [H, H]),
        ("a person taps twice", [click(3600), click(3600.4)], [H, H]),
        ("two links at once are hardly a person's", [click(3600), click(3601, "b")], [U, U]),
        ("three are none", [click(3600), click(3600.5, "b"), click(3601, "c")], [M, M, M]),
        ("a gateway follows a link on arrival", [click(1)], [M]),
        ("a gateway follows a link before we hear that the email was taken", [click(-2)], [M]),
        ("somebody with the inbox open", [click(12)], [U]),
        ("a scanner with a browser's name takes all links, the hidden one last",
         [click(60), click(75, "b"), trap(90)], [M, M, M]),
        ("a person comes hours after the scanner", [click(30), trap(31), click(9000)], [M, M, H]),
        ("a person clicked in the morning, the archive was scanned in the evening", [click(3600), trap(40000)], [H, M]),
        ("a robot says its name", [click(3600, sign=Sign.SCANNER)], [M]),
        ("somebody asked for the head first", [click(3600, sign=Sign.PEEKED)], [M]),
        ("a program that we do not know", [click(3600, sign=Sign.ODD)], [U]),
        ("a mail program shows the email", [shown(3600)], [H]),
        ("a provider fetches the picture", [shown(3600, Sign.PROXY)], [U]),
        ("a provider fetches the picture on arrival", [shown(2, Sign.PROXY)], [M]),
        ("the picture and a click at once are a person who has just opened the email", [shown(3600), click(3601)],
         [H, H]),
        ("a scanner that takes its time follows four links within a minute",
         [click(60), click(78, "b"), click(97, "c"), click(118, "d")], [M, M, M, M]),
        ("and goes on at the same pace", [click(60 + 20 * n, link) for n, link in enumerate("abcdefg")], [M] * 7),
        ("a reader looks at three links within a minute", [click(3600), click(3625, "b"), click(3650, "c")], [H, H, H]),
        ("a reader goes back to one link within a minute", [click(3600 + 15 * n) for n in range(4)], [H] * 4),
        ("a reader looks at four links, at leisure", [click(3600 + 30 * n, link) for n, link in enumerate("abcd")],
         [H] * 4),
        ("what a person did before the scanner stays theirs",
         [click(3600), *(click(9000 + 15 * n, link) for n, link in enumerate("abcd"))], [H, M, M, M, M]),
        ("the picture was fetched by who fell into the trap", [shown(60), trap(61)], [M, M]),
    ],
)  # fmt: skip
def test_what_comes_by_the_links_of_one_email(what: str, asked: list[Hit], expected: list[Grade]) -> None:
    assert grades(asked, SENT) == expected, what


def test_while_the_mail_server_has_not_answered_nothing_is_sure() -> None:
    assert grades([click(3600)], None) == [U]


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (PHONE, None),
        (CHROME, None),
        (FIREFOX, None),
        (CUBOT, None),
        (CUBOT.replace("CUBOT X70", "ruby Build/TP1A.220624.014"), None),  # Xiaomi's name of the Redmi Note 12 Pro
        (CUBOT.replace("CUBOT X70", "TALBOT 2"), None),
        (CUBOT.replace("CUBOT X70", "CISCO Scanner 5"), None),
        (f"{CHROME} Avast/137.0.30863.56", None),  # a browser that the maker of a virus scanner gives away
        (f"{CHROME} Edg/137.0.3296.52", None),
        (f"{OLD_EDGE} Gmail-content-sampling", Sign.SCANNER),
        (OLD_EDGE, Sign.SCANNER),
        (OLD_EDGE.replace("12.246", "18.19582"), Sign.ODD),
        (CUBOT.replace("Safari", "(compatible; Googlebot/2.1; +http://www.google.com/bot.html) Safari"), Sign.SCANNER),
        ("Opera/9.80 (Android; Opera Mini/36.2/191.281; U; en) Presto/2.12.423 Version/12.16", None),
        ("", Sign.NAMELESS),
        ("Mozilla/5.0", Sign.NAMELESS),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Sign.SCANNER),
        ("BarracudaCentral Link Protection", Sign.SCANNER),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) BingPreview/1.0b", Sign.SCANNER),
        ("Microsoft Office Existence Discovery", Sign.SCANNER),
        ("facebookexternalhit/1.1", Sign.SCANNER),
        ("WhatsApp/2.23.20.0", Sign.SCANNER),
        ("TelegramBot (like TwitterBot)", Sign.SCANNER),
        ("python-requests/2.32.3", Sign.TOOL),
        ("curl/8.14.1", Sign.TOOL),
        ("Go-http-client/2.0", Sign.TOOL),
        (CHROME.replace("Chrome", "HeadlessChrome"), Sign.TOOL),
        (GMAIL, Sign.PROXY),
        ("Mozilla/4.0 (compatible; MSIE 6.0)", Sign.ODD),
        ("Something of our own", Sign.ODD),
    ],
)
def test_what_a_click_gives_away(agent: str, expected: Sign | None) -> None:
    assert sign(HitKind.CLICK, {"user-agent": agent}) == expected


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (THUNDERBIRD, None),
        (OUTLOOK, None),
        (GMAIL, Sign.PROXY),
        ("Mozilla/5.0", Sign.NAMELESS),
        (PHONE, None),
        (f"{OLD_EDGE} Mozilla/5.0", Sign.SCANNER),  # Gmail's, before anybody opens the email
    ],
)
def test_what_a_picture_gives_away(agent: str, expected: Sign | None) -> None:
    assert sign(HitKind.OPEN, {"user-agent": agent}) == expected


def test_who_fetches_ahead_or_peeks_is_told() -> None:
    assert sign(HitKind.CLICK, {"user-agent": CHROME, "sec-purpose": "prefetch;prerender"}) is Sign.PREFETCH
    assert sign(HitKind.CLICK, {"user-agent": PHONE, "x-purpose": "preview"}) is Sign.PREFETCH
    assert sign(HitKind.CLICK, {"user-agent": CHROME}, peeked=True) is Sign.PEEKED


def test_colleagues_behind_one_address_are_graded_each_by_their_own_email(sqlite_engine: Engine) -> None:
    """Four colleagues in one office look at the same email within a second: no address is kept that would join them."""
    assert "address" not in {field.name for field in fields(Hit)}
    with write(sqlite_engine) as connection:
        keys = [_sent_email(connection, f"colleague-{number}") for number in range(4)]
        record_hits(connection, [LinkHit(key, click(3600 + key / 10, f"link-{key}")) for key in keys])
        found = connection.scalars(select(hits.c.grade)).all()
    assert found == [H, H, H, H]


def _sent_email(connection: Connection, name: str) -> int:
    row = {
        "campaign": "news", "step": "news", "customer_id": add_customer(connection, name), "occurrence": "1",
        "state": "sent", "kind": "marketing", "rule": "r", "due_at": SENT, "expires_at": SENT, "next_at": SENT,
        "created_at": SENT, "settled_at": SENT,
    }  # fmt: skip
    return int(connection.execute(insert(promises).values(row).returning(promises.c.id)).scalar_one())


HITS = st.builds(
    Hit,
    st.sampled_from(HitKind),
    st.sampled_from("abc"),
    st.integers(-60, 4000).map(lambda s: SENT + timedelta(seconds=s)),
    st.none() | st.sampled_from(Sign),
)
ORDER = {H: 0, U: 1, M: 2}


@given(earlier=st.lists(HITS, max_size=6), later=st.lists(HITS, max_size=4))
def test_more_evidence_never_makes_a_machine_a_person(earlier: list[Hit], later: list[Hit]) -> None:
    before, after = grades(earlier, SENT), grades([*earlier, *later], SENT)
    assert all(ORDER[b] <= ORDER[a] for b, a in zip(before, after, strict=False))
