"""Every stage of a session fails in every way, with and without pipelining; the outcomes are exactly right."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from regulars.delivery.parcel import Outcome, Result
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.delivery.posting import deliver, deliver_all, parcels

pytestmark = pytest.mark.slow

ACCEPTED, DEFERRED, REFUSED = Outcome.ACCEPTED, Outcome.DEFERRED, Outcome.REFUSED
UNKNOWN, UNSENT, UNREACHABLE = Outcome.UNKNOWN, Outcome.UNSENT, Outcome.UNREACHABLE
PIPELINING = {"on": ("PIPELINING", "8BITMIME"), "off": ("8BITMIME",)}


@dataclass(frozen=True, slots=True)
class Case:
    """What befalls the first message of a fresh session, the third of a proven one, and those that follow."""

    fault: Fault
    first: Outcome
    third: Outcome
    rest: Outcome = ACCEPTED
    code: int | None = None

    @property
    def patience(self) -> float:
        """Seconds to wait for a reply: short only where none will come."""
        return 0.3 if self.fault.act is Act.STALL else 5


def envelope(stage: Stage) -> list[Case]:
    """Before the body nothing can have been accepted: a proven server is given the message once more."""
    return [
        Case(Fault(stage, text="450 4.2.1 later"), DEFERRED, DEFERRED, code=450),
        Case(Fault(stage, text="550 5.1.1 never"), REFUSED, REFUSED, code=550),
        Case(Fault(stage, Act.CLOSE, "421 4.3.2 closing"), DEFERRED, ACCEPTED, code=421),
        Case(Fault(stage, Act.CLOSE), UNSENT, ACCEPTED),
        Case(Fault(stage, Act.REPLY, "who is there?"), UNSENT, ACCEPTED),
        Case(Fault(stage, Act.REPLY, "299-no end\r\n250 of it"), UNSENT, ACCEPTED),
        Case(Fault(stage, Act.REPLY, "x" * 20_000), UNSENT, ACCEPTED),
        Case(Fault(stage, Act.STALL), UNSENT, UNSENT, rest=UNREACHABLE),
    ]


CASES = [
    *envelope(Stage.MAIL),
    *envelope(Stage.RCPT),
    *envelope(Stage.DATA),
    Case(Fault(Stage.MAIL, text="530 5.7.0 log in first"), DEFERRED, ACCEPTED, code=530),
    Case(Fault(Stage.DATA, text="250 2.0.0 too polite"), UNSENT, ACCEPTED),
    Case(Fault(Stage.DATA, text="354 go ahead\r\n250 2.0.0 thanks already"), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.BODY, Act.CLOSE), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.BODY, Act.CLOSE, "421 4.3.0 out of memory"), DEFERRED, DEFERRED, code=421),
    Case(Fault(Stage.BODY, Act.STALL), UNKNOWN, UNKNOWN, rest=UNREACHABLE),
    Case(Fault(Stage.DOT, text="451 4.3.0 try again"), DEFERRED, DEFERRED, code=451),
    Case(Fault(Stage.DOT, text="554 5.7.1 spam"), REFUSED, REFUSED, code=554),
    Case(Fault(Stage.DOT, text="354 still more?", took=True), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.DOT, Act.REPLY, "gesundheit", took=True), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.DOT, Act.CLOSE, "421 4.3.0 going down"), DEFERRED, DEFERRED, code=421),
    Case(Fault(Stage.DOT, Act.CLOSE, "250 2.0.0 queued, bye"), ACCEPTED, ACCEPTED),
    Case(Fault(Stage.DOT, Act.CLOSE), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.DOT, Act.CLOSE, took=True), UNKNOWN, UNKNOWN),
    Case(Fault(Stage.DOT, Act.STALL), UNKNOWN, UNKNOWN, rest=UNREACHABLE),
    Case(Fault(Stage.DOT, Act.STALL, took=True), UNKNOWN, UNKNOWN, rest=UNREACHABLE),
]
IDS = [f"{case.fault.stage}-{case.fault.act}-{case.fault.text[:12]}{'-took' * case.fault.took}" for case in CASES]


def keys_taken(server: ScriptedServer) -> list[int]:
    return [int(taken.recipients[0][1:].partition("@")[0]) for taken in server.accepted]


def holds(server: ScriptedServer, results: list[Result], count: int) -> None:
    """The invariant of every delivery: one result each, nothing twice, and what is taken is known or doubted."""
    assert [result.key for result in results] == list(range(count))
    taken = keys_taken(server)
    assert len(set(taken)) == len(taken), "a message was sent twice"
    accepted = {result.key for result in results if result.outcome is ACCEPTED}
    doubtful = {result.key for result in results if result.outcome is UNKNOWN}
    assert accepted <= set(taken) <= accepted | doubtful
    assert server.rushed == 0
    assert all(result.text.isprintable() and 0 < len(result.text) <= 500 for result in results)


@pytest.mark.parametrize("pipelining", PIPELINING)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_the_first_message_of_a_session_fails(case: Case, pipelining: str) -> None:
    fault = Fault(case.fault.stage, case.fault.act, case.fault.text, (1,), took=case.fault.took)
    with ScriptedServer([fault], extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, parcels(4), timeout=case.patience)
        holds(server, results, 4)
    rest = [case.rest] * 3
    if pipelining == "on" and case.fault.act is Act.STALL and case.fault.stage in {Stage.BODY, Stage.DOT}:
        rest[0] = UNREACHABLE  # its envelope was on its way in the stalled session
    assert [result.outcome for result in results] == [case.first, *rest]
    assert results[0].code == (case.code or (250 if case.first is ACCEPTED else None))


@pytest.mark.parametrize("pipelining", PIPELINING)
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_later_message_fails_and_the_others_go_their_way(case: Case, pipelining: str) -> None:
    fault = Fault(case.fault.stage, case.fault.act, case.fault.text, (3,), took=case.fault.took)
    with ScriptedServer([fault], extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, parcels(6), timeout=case.patience)
        holds(server, results, 6)
    outcomes = [result.outcome for result in results]
    assert outcomes[:3] == [ACCEPTED, ACCEPTED, case.third]
    if pipelining == "on" and case.fault.act is Act.STALL and case.fault.stage in {Stage.BODY, Stage.DOT}:
        assert outcomes[3:] == [UNREACHABLE, ACCEPTED, ACCEPTED]  # its envelope was on its way in the stalled session
    else:
        assert outcomes[3:] == [ACCEPTED] * 3


OPENING = [
    (Fault(Stage.BANNER, text="421 4.3.2 too busy"), 421),
    (Fault(Stage.BANNER, text="554 5.3.2 no mail here"), 554),
    (Fault(Stage.BANNER, Act.CLOSE), None),
    (Fault(Stage.BANNER, Act.STALL), None),
    (Fault(Stage.BANNER, text="hello?"), None),
    (Fault(Stage.BANNER, text="220-" + "x" * 40_000), None),
    (Fault(Stage.EHLO, Act.CLOSE, "421 4.3.2 closing"), 421),
    (Fault(Stage.EHLO, Act.CLOSE), None),
    (Fault(Stage.EHLO, Act.STALL), None),
    (Fault(Stage.AUTH, text="535 5.7.8 wrong: s3cret-pässword cw=="), 535),
    (Fault(Stage.AUTH, text="454 4.7.0 later"), 454),
    (Fault(Stage.AUTH, Act.CLOSE), None),
    (Fault(Stage.AUTH, Act.STALL), None),
]


@pytest.mark.parametrize(("fault", "code"), OPENING, ids=[f"{f.stage}-{f.act}-{f.text[:10]}" for f, _ in OPENING])
def test_without_a_session_nothing_is_offered_and_all_are_told_the_reason(fault: Fault, code: int | None) -> None:
    with ScriptedServer([fault], login=("ana", "x")) as server:
        url = server.url.replace("//", "//ana:s3cret-p%C3%A4ssword@")
        results = deliver(url, parcels(30), connections=3, timeout=0.4 if fault.act is Act.STALL else 5)
        holds(server, results, 30)
        assert server.connections == 1, "a server that is down is asked once, not by every session"
    assert {(result.outcome, result.code) for result in results} == {(UNREACHABLE, None)}
    assert all(str(code or "") in result.text for result in results)
    assert all("s3cret" not in result.text for result in results)


def test_nobody_listens() -> None:
    results = deliver("smtp://127.0.0.1:9/", parcels(3))
    assert {(result.outcome, result.code) for result in results} == {(UNREACHABLE, None)}
    assert "127.0.0.1:9" in results[0].text


def test_an_old_server_without_ehlo_is_spoken_to_plainly() -> None:
    ascii_only = b"Subject: x\r\n\r\nx\r\n"
    with ScriptedServer([Fault(Stage.EHLO, text="502 5.5.1 what?")], extensions=()) as server:
        results = deliver(server.url, parcels(3, ascii_only))
        holds(server, results, 3)
    assert {result.outcome for result in results} == {ACCEPTED}


def test_a_server_that_always_hangs_up_is_left_alone_after_three_sessions() -> None:
    with ScriptedServer([Fault(Stage.MAIL, Act.CLOSE)]) as server:
        results = deliver(server.url, parcels(50))
        holds(server, results, 50)
        assert server.connections == 3
    # Three were offered in vain and count as tried; the rest were not, and wait for the server.
    assert [result.outcome for result in results] == [*[UNSENT] * 3, *[UNREACHABLE] * 47]


@pytest.mark.parametrize("pipelining", PIPELINING)
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.DOT])
def test_after_three_421_the_rest_is_not_offered_and_hears_nothing_of_the_others(stage: Stage, pipelining: str) -> None:
    """Each may say 421 of its own, with its own address; the rest has no code, no attempt, and nobody's address."""
    fault = Fault(stage, Act.CLOSE, "421 4.7.0 no more today for <r{}@example.com>")
    with ScriptedServer([fault], extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, parcels(40), connections=1)
        holds(server, results, 40)
        assert server.connections == 3
    tried = [result for result in results if result.outcome is DEFERRED]
    assert [result.key for result in tried] == [0, 1, 2]
    assert {result.code for result in tried} == {421}
    rest = [result for result in results if result.outcome is not DEFERRED]
    assert {(result.outcome, result.code) for result in rest} == {(UNREACHABLE, None)}
    assert {result.text for result in rest} == {f"127.0.0.1:{server.port}: it takes no messages now"}


def test_a_goodbye_that_nobody_asked_for_is_about_no_message() -> None:
    """It comes with the reply to a body; the envelope that follows in the same group has not been answered."""
    fault = Fault(Stage.DOT, Act.CLOSE, "250 2.0.0 queued\r\n421 4.7.0 enough of <r0@example.com>")
    with ScriptedServer([fault], extensions=("8BITMIME",)) as server:
        results = deliver(server.url, parcels(6), connections=1)
        holds(server, results, 6)
    assert {result.outcome for result in results} == {ACCEPTED}


def test_a_server_that_ends_its_sessions_is_left_alone_for_a_while() -> None:
    with ScriptedServer([Fault(Stage.MAIL, Act.CLOSE, "421 4.7.0 busy")]) as server:
        deliver_all(server.url, [parcels(9)] * 4, connections=1)
        assert server.connections == 3


def test_a_server_that_hangs_up_after_each_message_still_takes_them_all() -> None:
    fault = Fault(Stage.DOT, Act.CLOSE, "250 2.0.0 one is enough")
    with ScriptedServer([fault]) as server:
        results = deliver(server.url, parcels(12))
        holds(server, results, 12)
        assert server.connections == 12
    assert {result.outcome for result in results} == {ACCEPTED}


def test_after_a_failed_connection_the_server_is_left_in_peace_for_a_moment() -> None:
    with ScriptedServer([Fault(Stage.BANNER, Act.CLOSE, "421 4.3.2 busy")]) as server:
        batches = deliver_all(server.url, [parcels(3)] * 5)
        assert server.connections == 1
    assert {result.outcome for batch in batches for result in batch} == {UNREACHABLE}
