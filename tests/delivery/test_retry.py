from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.delivery import retry
from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.retry import BounceKind
from regulars.delivery.smtp.envelope import invalid

NOW = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)


def reply(code: int | None, text: str, outcome: Outcome | None = None) -> Result:
    usual = Outcome.DEFERRED if code is None or code < 500 else Outcome.REFUSED
    return Result(1, outcome or usual, code, text)


REFUSALS = [
    (550, "5.1.1 <x@y.example>: Recipient address rejected: User unknown", BounceKind.ADDRESS),
    (550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", BounceKind.ADDRESS),
    (550, "5.1.2 unknown domain", BounceKind.ADDRESS),
    (550, "5.2.1 The email account that you tried to reach is inactive", BounceKind.ADDRESS),
    (550, "No such user here", BounceKind.ADDRESS),
    (553, "sorry, unknown recipient", BounceKind.ADDRESS),
    (551, "Mailbox does not exist", BounceKind.ADDRESS),
    (550, "Invalid recipient", BounceKind.ADDRESS),
    (550, "<x@y.example>: Adresse destinataire invalide. Invalid recipient", BounceKind.ADDRESS),
    (550, "Invalid sender", BounceKind.UNCLEAR),
    (550, "invalid.recipient@client.example: message refused", BounceKind.UNCLEAR),
    (552, "5.2.2 The email account that you tried to reach is over quota", BounceKind.MAILBOX),
    (552, "5.3.4 Message size exceeds fixed limit", BounceKind.CONTENT),
    (554, "5.6.0 malformed MIME", BounceKind.CONTENT),
    (550, "5.7.1 Service unavailable; client host blocked", BounceKind.POLICY),
    (550, "5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy", BounceKind.POLICY),
    (553, "5.1.8 <a@b.example>: Sender address rejected: Domain not found", BounceKind.SENDER),
    (503, "Bad sequence of commands", BounceKind.SENDER),
    (550, "Mail from your host is blocked: user unknown to our reputation list", BounceKind.UNCLEAR),
    (550, "Requested action not taken: mailbox unavailable", BounceKind.UNCLEAR),
    (554, "Transaction failed", BounceKind.UNCLEAR),
    (550, "5.1.11 not a status that is known", BounceKind.UNCLEAR),
    (550, "5.1.1234 not a status", BounceKind.UNCLEAR),
]


@pytest.mark.parametrize(("code", "text", "kind"), REFUSALS, ids=[text[:24] for _, text, _ in REFUSALS])
def test_a_refusal_says_whether_the_address_is_dead(code: int, text: str, kind: BounceKind) -> None:
    assert retry.bounce_kind(reply(code, text)) is kind


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.REFUSED])
def test_only_a_refusal_is_a_bounce(outcome: Outcome) -> None:
    result = reply(550, "5.1.1 user unknown", outcome)
    assert retry.bounce_kind(result) is None
    assert not retry.permanent(result)


def test_an_address_that_was_refused_here_is_dead_and_a_broken_body_is_not_its_fault() -> None:
    bad = invalid(Parcel(1, "ana@studio.example", ("no at sign",), b"x\r\n"))
    broken = invalid(Parcel(1, "ana@studio.example", ("ok@studio.example",), b"x"))
    assert bad is not None
    assert broken is not None
    assert retry.bounce_kind(reply(None, bad, Outcome.REFUSED)) is BounceKind.ADDRESS
    assert retry.bounce_kind(reply(None, broken, Outcome.REFUSED)) is BounceKind.CONTENT


def test_a_full_mailbox_is_tried_again_and_a_missing_one_is_not() -> None:
    assert not retry.permanent(reply(552, "5.2.2 over quota"))
    assert retry.permanent(reply(550, "5.1.1 user unknown"))
    assert retry.permanent(reply(554, "no"))
    assert retry.permanent(reply(None, "its lines do not all end with CRLF", Outcome.REFUSED))


WAITS = [
    (reply(None, "could not connect"), 90),
    (reply(421, "4.7.0 too many", Outcome.UNSENT), 90),
    (reply(421, "closing"), 300),
    (reply(432, "4.3.0 concurrent limit"), 900),
    (reply(450, "greylisted"), 300),
    (reply(450, "4.7.1 greylisted"), 600),
    (reply(451, "4.3.0 error"), 180),
    (reply(452, "4.3.1 disk full"), 900),
    (reply(452, "4.2.2 mailbox full"), 3600),
    (reply(499, "never heard of"), 300),
    (reply(535, "5.7.8 wrong password", Outcome.DEFERRED), 900),
]


@pytest.mark.parametrize(("result", "seconds"), WAITS, ids=[f"{r.code} {r.text}" for r, _ in WAITS])
def test_each_kind_of_failure_has_its_own_first_wait(result: Result, seconds: int) -> None:
    assert retry.next_attempt(result, 1, NOW, 0.0) == NOW + timedelta(seconds=0.7 * seconds)


def test_the_wait_doubles_up_to_four_hours() -> None:
    waits = [retry.next_attempt(reply(421, "busy"), n, NOW, 0.0) - NOW for n in range(1, 9)]
    minutes = [wait / timedelta(minutes=1) for wait in waits]
    assert minutes == pytest.approx([3.5, 7, 14, 28, 56, 112, 168, 168])


@given(
    attempts=st.integers(0, 1_000_000),
    jitter=st.floats(0, 1, exclude_max=True),
    code=st.none() | st.integers(400, 599),
    outcome=st.sampled_from(Outcome),
)
def test_no_wait_is_shorter_than_a_minute_or_longer_than_four_hours(
    attempts: int, jitter: float, code: int | None, outcome: Outcome
) -> None:
    wait = retry.next_attempt(reply(code, "4.2.1 x", outcome), attempts, NOW, jitter) - NOW
    assert retry.SHORTEST <= wait <= retry.LONGEST


def test_jitter_spreads_what_failed_together() -> None:
    result = reply(451, "later")
    early, late = (retry.next_attempt(result, 4, NOW, jitter) for jitter in (0.0, 0.999))
    assert late - early > 0.29 * (late - NOW)
