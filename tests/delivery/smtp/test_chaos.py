"""Servers that fail at random: whatever they do, nothing is lost, nothing is sent twice, doubt is named."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.delivery.posting import deliver_all, parcels
from tests.delivery.smtp.test_smtp_failures import PIPELINING, holds

STAGES = [Stage.BANNER, Stage.EHLO, Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.DOT, Stage.RSET, Stage.QUIT]
WORDS = [
    "",
    "250 2.0.0 ok",
    "354 go ahead",
    "421 4.3.2 closing",
    "450 4.2.1 later",
    "452 4.3.1 full",
    "503 5.5.1 out of order",
    "550 5.1.1 never",
    "554-5.7.1 no\r\n554 5.7.1 no",
    "250-unfinished",
    "250 2.0.0 ok\r\n250 2.0.0 ok",
    "nonsense",
    "\udcff\udcfe",
]


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    stage = draw(st.sampled_from(STAGES))
    act = draw(st.sampled_from([Act.REPLY, Act.REPLY, Act.CLOSE, Act.CLOSE, Act.STALL]))
    text = draw(st.sampled_from(WORDS))
    if act is Act.REPLY and not text:
        act = Act.CLOSE  # saying nothing is stalling
    if stage is Stage.DOT and text.startswith("354"):
        text = "nonsense"  # a server that asks for a body twice has its own tests
    if stage is Stage.BODY and (act is Act.REPLY or text.startswith("2")):
        text = "nonsense"  # to judge a message before its end and then do otherwise is lying
    on = tuple(draw(st.lists(st.integers(1, 12), min_size=1, max_size=3, unique=True)))
    took = stage is Stage.DOT and not text.startswith(("4", "5")) and draw(st.booleans())
    return Fault(stage, act, text, on, took=took)


@given(
    script=st.lists(faults(), min_size=1, max_size=4),
    pipelining=st.sampled_from(sorted(PIPELINING)),
    connections=st.integers(1, 3),
    per_connection=st.sampled_from([1, 3, 100]),
    piece=st.sampled_from([0, 0, 5]),
    count=st.integers(1, 20),
)
def test_nothing_is_lost_and_nothing_is_sent_twice(
    script: list[Fault], pipelining: str, connections: int, per_connection: int, piece: int, count: int
) -> None:
    with ScriptedServer(script, extensions=PIPELINING[pipelining], piece=piece) as server:
        options = {"connections": connections, "per_connection": per_connection, "timeout": 0.25}
        (results,) = deliver_all(server.url, [parcels(count)], **options)
        holds(server, results, count)
