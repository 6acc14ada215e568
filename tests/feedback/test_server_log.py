"""The log of a mail server: Postfix, Exim and lists say which emails it took."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from regulars.feedback import server_log
from regulars.feedback.server_log import LoggedMessage, read_log

UNTIL = datetime(2026, 6, 11, tzinfo=UTC)
POSTFIX = """\
2026-06-10T12:00:01+00:00 mx postfix/smtpd[811]: connect from app[10.0.0.5]
2026-06-10T12:00:01+00:00 mx postfix/smtpd[811]: 3F2A11C0: client=app[10.0.0.5]
2026-06-10T12:00:01+00:00 mx postfix/cleanup[814]: 3F2A11C0: message-id=<aa@studio.example>
2026-06-10T12:00:02+00:00 mx postfix/qmgr[800]: 3F2A11C0: from=<b+1@studio.example>, size=100, nrcpt=1 (queue active)
2026-06-10T12:00:03+00:00 mx postfix/smtp[900]: 3F2A11C0: to=<ada@client.example>, relay=none, status=sent (250 ok)
2026-06-10T12:00:03+00:00 mx postfix/qmgr[800]: 3F2A11C0: removed
Jun 10 12:00:04 mx postfix/cleanup[814]: 4QXbLz5kYzRw: message-id=<bb@studio.example>
"""
EXIM = """\
2026-06-10 12:00:01 1sGABC-0001Xy-2z <= b+2@studio.example H=app [10.0.0.5] P=esmtp S=900 id=cc@studio.example
2026-06-10 12:00:02 1sGABC-0001Xy-2z => bo@client.example R=dnslookup T=remote_smtp H=mx C="250 ok"
2026-06-10 12:00:02 1sGABC-0001Xy-2z => bo@client.example R=dnslookup T=remote_smtp H=mx C="250 ok"
2026-06-10 12:00:02 1sGABC-0001Xy-2z Completed
"""


def test_a_postfix_log_says_what_was_taken_and_what_only_begun() -> None:
    whole, begun = read_log(POSTFIX.splitlines(), UNTIL)
    assert whole == LoggedMessage(
        "<aa@studio.example>", "b+1@studio.example", ("ada@client.example",),
        datetime(2026, 6, 10, 12, 0, 1, tzinfo=UTC), taken=True,
    )  # fmt: skip
    assert (begun.message_id, begun.recipients, begun.taken) == ("<bb@studio.example>", (), False)
    assert begun.at is not None
    assert (begun.at.year, begun.at.minute, begun.at.second) == (2026, 0, 4)


def test_an_exim_log_names_each_recipient_once() -> None:
    (one,) = read_log(EXIM.splitlines(), UNTIL)
    assert (one.message_id, one.sender, one.recipients, one.taken) == (
        "<cc@studio.example>", "b+2@studio.example", ("bo@client.example",), True,
    )  # fmt: skip


def test_a_list_has_message_ids_and_recipients() -> None:
    one, two = read_log(["<dd@studio.example> cy@client.example", "ee@studio.example"], UNTIL)
    assert (one.message_id, one.recipients, one.at) == ("<dd@studio.example>", ("cy@client.example",), None)
    assert (two.message_id, two.recipients) == ("<ee@studio.example>", ())


def test_a_time_without_a_year_is_the_latest_before_the_restore() -> None:
    line = "{} mx postfix/cleanup[1]: 3F2A11C0: message-id=<aa@studio.example>"
    times = [next(read_log([line.format(when)], UNTIL)).at for when in ("Dec 31 10:00:00", "Feb 30 10:00:00")]
    assert times[0] is not None
    assert times[0].year == 2025
    assert times[1] is None


def test_memory_is_bounded(monkeypatch: object) -> None:
    lines = (f"2026-06-10T12:00:01Z mx postfix/qmgr[8]: {n:08X}: from=<a@b.example>, size=1" for n in range(50))
    most, server_log.MOST_OPEN = server_log.MOST_OPEN, 10
    try:
        assert len(list(read_log(lines, UNTIL))) == 50
    finally:
        server_log.MOST_OPEN = most


@given(st.lists(st.text(max_size=200)))
def test_any_text_is_read(lines: list[str]) -> None:
    assert all(one.taken in (True, False) for one in read_log(lines, UNTIL))
