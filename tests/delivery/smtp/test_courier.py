"""What goes over the wire, to whom, and over how many connections."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from regulars.delivery.parcel import Outcome, Parcel, Result
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from tests.common.scripted_smtp import Act, Fault, ScriptedServer, Stage
from tests.common.servers import wait_for
from tests.delivery.posting import BODY, deliver, deliver_all, parcels

PIPELINING = {"on": ("PIPELINING", "8BITMIME"), "off": ("8BITMIME",)}
both = pytest.mark.parametrize("pipelining", PIPELINING)
TO, CC = "client@example.com", "manager@studio.example"


def outcomes(results: list[Result]) -> list[Outcome]:
    return [result.outcome for result in results]


@both
@pytest.mark.parametrize(
    "data",
    [
        BODY,
        b".\r\n",
        b"..\r\n.\r\n..\r\n",
        b"\r\n",
        b"\r\n.\r\n\r\n..\r\n",
        b"a\r\n.b\r\n",
        b"x" * 900_000 + b"\r\n.\r\n",
    ],
    ids=["text", "dot", "dots", "empty", "hidden end", "dotted line", "large"],
)
def test_a_body_arrives_as_it_was_handed_over(data: bytes, pipelining: str) -> None:
    with ScriptedServer(extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, parcels(3, data), timeout=5)
        assert outcomes(results) == [Outcome.ACCEPTED] * 3
        assert [taken.data for taken in server.accepted] == [data] * 3


def test_with_pipelining_one_write_carries_a_body_and_the_next_envelope() -> None:
    with ScriptedServer() as server:
        deliver(server.url, parcels(3))
        verbs = [line[:4] for line in server.commands]
    assert verbs == [b"EHLO", *[b"MAIL", b"RCPT", b"DATA"] * 3, b"QUIT"]


def test_pipelining_can_be_turned_off() -> None:
    with ScriptedServer([Fault(Stage.MAIL, text="550 5.7.1 no", on=(1,))]) as server:
        results = deliver(server.url, parcels(2), pipelining="off")
        assert [line[:4] for line in server.commands[1:]] == [b"MAIL", b"RSET", b"MAIL", b"RCPT", b"DATA", b"QUIT"]
    assert [result.code for result in results] == [550, 250]


@pytest.mark.parametrize("piece", [1, 2, 3, 7])
def test_replies_may_arrive_in_pieces(piece: int) -> None:
    with ScriptedServer([Fault(Stage.RCPT, text="250-a\r\n250-b\r\n250 c")], piece=piece) as server:
        assert {result.text for result in deliver(server.url, parcels(3), timeout=5)} == {
            "2.0.0 queued as 1",
            "2.0.0 queued as 2",
            "2.0.0 queued as 3",
        }


# ---------------------------------------------------------------- several recipients


@both
def test_a_copy_that_is_refused_is_named_and_the_message_counts(pipelining: str) -> None:
    parcel = Parcel(7, "ana@studio.example", (TO, CC), BODY)
    fault = Fault(Stage.RCPT, text="550 5.1.1 no such manager", match="manager@")
    with ScriptedServer([fault], extensions=PIPELINING[pipelining]) as server:
        (result,) = deliver(server.url, [parcel])
        assert [taken.recipients for taken in server.accepted] == [(TO,)]
    assert (result.outcome, result.code) == (Outcome.ACCEPTED, 250)
    assert result.text == "2.0.0 queued as 1; not taken for manager@studio.example (550 5.1.1 no such manager)"


@both
def test_no_copy_goes_out_when_the_message_itself_is_refused(pipelining: str) -> None:
    parcel = Parcel(0, "ana@studio.example", (TO, CC), BODY)
    fault = Fault(Stage.RCPT, text="450 4.2.1 later", match="client@")
    with ScriptedServer([fault], extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, [parcel, *parcels(2)])
        assert [taken.recipients for taken in server.accepted] == [("c0@example.com",), ("c1@example.com",)]
    assert outcomes(results) == [Outcome.DEFERRED, Outcome.ACCEPTED, Outcome.ACCEPTED]


@both
def test_a_server_that_wants_a_body_for_nobody_gets_a_lone_dot(pipelining: str) -> None:
    faults = [
        Fault(Stage.RCPT, text="550 5.1.1 nobody", match="c1@"),
        Fault(Stage.DATA, text="354 whatever", on=(2,)),
    ]
    with ScriptedServer(faults, extensions=PIPELINING[pipelining]) as server:
        results = deliver(server.url, parcels(3))
        assert [taken.recipients for taken in server.accepted] == [("c0@example.com",), ("c2@example.com",)]
        assert server.connections == 1
    assert [result.code for result in results] == [250, 550, 250]


# ---------------------------------------------------------------- what a server offers


def test_parameters_are_given_only_where_they_are_offered_and_needed() -> None:
    plain = b"Subject: x\r\n\r\nx\r\n"
    wanted = Parcel(2, "ana@studio.example", ("аня@example.com",), BODY)
    batch = [*parcels(1, plain), *parcels(1), wanted]
    with ScriptedServer(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 1000")) as server:
        deliver(server.url, batch)
        assert [taken.parameters for taken in server.accepted] == [
            "SIZE=17",
            f"SIZE={len(BODY)} BODY=8BITMIME",
            f"SIZE={len(BODY)} BODY=8BITMIME SMTPUTF8",
        ]
        assert server.accepted[2].recipients == ("аня@example.com",)


@pytest.mark.parametrize(
    ("extensions", "parcel", "words"),
    [
        (
            ("8BITMIME", "SIZE 50"),
            Parcel(1, "a@b.example", (TO,), b"x" * 60 + b"\r\n"),
            "62 bytes and the server takes 50",
        ),
        (("8BITMIME",), Parcel(1, "a@b.example", ("аня@example.com",), b"x\r\n"), "SMTPUTF8"),
        (("8BITMIME",), Parcel(1, "ж@b.example", (TO,), b"x\r\n"), "SMTPUTF8"),
        (("8BITMIME",), Parcel(1, "a@b.example", (TO,), b"x\r\n", smtputf8=True), "SMTPUTF8"),
        ((), Parcel(1, "a@b.example", (TO,), "ж\r\n".encode()), "8BITMIME"),
    ],
)
def test_what_a_server_cannot_take_is_refused_and_named(
    extensions: tuple[str, ...], parcel: Parcel, words: str
) -> None:
    fine = Parcel(2, "a@b.example", (TO,), b"x\r\n")
    with ScriptedServer(extensions=extensions) as server:
        refused, accepted = deliver(server.url, [parcel, fine])
        assert len(server.accepted) == 1
    assert (refused.key, refused.outcome, refused.code) == (1, Outcome.REFUSED, None)
    assert words in refused.text
    assert (accepted.key, accepted.outcome) == (2, Outcome.ACCEPTED)


def test_a_size_of_zero_means_no_limit() -> None:
    with ScriptedServer(extensions=("8BITMIME", "SIZE 0")) as server:
        assert deliver(server.url, parcels(1))[0].outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no-at-sign",
        "a b@example.com",
        "a@example.com\r\nRCPT TO:<other@example.com>",
        "a@example.com\nDATA",
        "a@example.com>",
        "<a@example.com",
        "a@exam\x00ple.com",
        "a@example.com\x7f",
        "a@example.com\x85",
        "a@example.com\u2028",
        "a\udc80@example.com",
        "a" * 250 + "@example.com",
    ],
)
def test_an_address_that_could_be_taken_for_more_is_refused_before_the_wire(address: str) -> None:
    good = Parcel(1, "ana@studio.example", (TO,), BODY)
    batch = [
        replace(good, recipients=(address,)),
        replace(good, recipients=(TO, address)),
        replace(good, recipients=()),
    ]
    batch += [replace(good, sender=address)] if address else []
    with ScriptedServer(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8")) as server:
        results = deliver(server.url, batch)
        assert server.connections == 0
    assert {(result.outcome, result.code) for result in results} == {(Outcome.REFUSED, None)}
    assert all(result.text.isprintable() for result in results)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no end",
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\rb\nc\r\n",
        b"a\r\n.\n\r\n",
        b"a\r\n\r",
        b"a\n.\nMAIL FROM:<x@y>\r\n",
    ],
)
def test_a_body_with_line_ends_of_two_kinds_is_refused_before_the_wire(data: bytes) -> None:
    with ScriptedServer() as server:
        (result,) = deliver(server.url, parcels(1, data))
        assert server.connections == 0
    assert (result.outcome, result.text) == (Outcome.REFUSED, "its lines do not all end with CRLF")


def test_the_null_sender_is_a_sender() -> None:
    with ScriptedServer() as server:
        (result,) = deliver(server.url, [Parcel(1, "", (TO,), BODY)])
        assert server.accepted[0].sender == ""
    assert result.outcome is Outcome.ACCEPTED


# ---------------------------------------------------------------- sessions


def test_sessions_stay_open_between_batches() -> None:
    with ScriptedServer() as server:
        batches = deliver_all(server.url, [parcels(10), parcels(10), parcels(10)])
        assert server.connections == 1
        assert len(server.accepted) == 30
    assert [len(results) for results in batches] == [10, 10, 10]


def test_a_connection_carries_no_more_messages_than_it_may() -> None:
    with ScriptedServer() as server:
        results = deliver(server.url, parcels(7), per_connection=3)
        assert [taken.connection for taken in server.accepted] == [1, 1, 1, 2, 2, 2, 3]
        assert server.commands.count(b"QUIT") == 3
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}


def test_a_few_messages_share_one_connection_and_many_use_all() -> None:
    with ScriptedServer() as server:
        deliver(server.url, parcels(5), connections=4)
        assert server.connections == 1
        results = deliver(server.url, parcels(400), connections=4)
        assert 2 < server.connections <= 5
        assert sorted(taken.recipients for taken in server.accepted[5:]) == sorted(
            (f"c{n}@example.com",) for n in range(400)
        )
    assert [result.key for result in results] == list(range(400))


def test_a_server_that_takes_fewer_connections_than_we_would_open_still_gets_everything() -> None:
    busy = Fault(Stage.BANNER, Act.CLOSE, "421 4.7.0 too many connections from you", on=tuple(range(2, 50)))
    with ScriptedServer([busy]) as server:
        results = deliver(server.url, parcels(300), connections=4)
        assert len(server.accepted) == 300
        assert server.connections == 2
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}


@pytest.mark.parametrize("goodbye", ["421 4.4.2 idle too long", ""])
def test_a_session_that_the_server_ended_between_batches_is_replaced(goodbye: str) -> None:
    fault = Fault(Stage.DOT, Act.CLOSE, f"250 2.0.0 ok\r\n{goodbye}".strip(), on=(2,))
    with ScriptedServer([fault]) as server:
        batches = deliver_all(server.url, [parcels(2), parcels(2)])
        assert server.connections == 2
        assert len(server.accepted) == 4
    assert {result.outcome for results in batches for result in results} == {Outcome.ACCEPTED}


def test_two_batches_at_once_share_the_connections() -> None:
    with ScriptedServer() as server:

        async def run() -> int:
            provider = Provider.parse(f"{server.url}?connections=2")
            async with asyncio.timeout(10), Courier(provider) as courier:
                both_of_them = await asyncio.gather(courier.deliver(parcels(40)), courier.deliver(parcels(40)))
            return sum(result.outcome is Outcome.ACCEPTED for delivery in both_of_them for result in delivery.results)

        assert asyncio.run(run()) == 80
        assert server.connections == 2


def test_an_empty_batch_needs_no_server() -> None:
    assert deliver("smtp://127.0.0.1:9/", []) == []


def test_a_cancelled_delivery_leaves_nothing_behind_and_the_next_one_works() -> None:
    with ScriptedServer([Fault(Stage.DOT, Act.STALL, on=(1,))]) as server:

        async def run() -> list[Outcome]:
            provider = Provider.parse(f"{server.url}?connections=1&timeout=30")
            async with asyncio.timeout(10), Courier(provider) as courier:
                first = asyncio.create_task(courier.deliver(parcels(3)))
                await asyncio.to_thread(wait_for, lambda: bool(server.reached[Stage.DOT]), "the server has the message")
                first.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await first
                return [result.outcome for result in (await courier.deliver(parcels(2))).results]

        assert asyncio.run(run()) == [Outcome.ACCEPTED] * 2
        assert server.connections == 2


@pytest.mark.slow
def test_a_body_that_leaves_slowly_is_not_a_stall() -> None:
    """The server's pace is the thing under test: it reads a large body for longer than we wait for a reply."""
    size = 20_000_000

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 slow\r\n")
        for reply in (b"250 slow", b"250 ok", b"250 ok", b"354 go"):
            await reader.readline()
            writer.write(reply + b"\r\n")
        left = size + len(b"\r\n.\r\n")
        while left:
            left -= len(await reader.read(left))
            await asyncio.sleep(0.02)
        writer.write(b"250 2.0.0 at last\r\n")
        await reader.readline()
        writer.close()

    async def run() -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        url = f"smtp://127.0.0.1:{port}/?timeout=0.3&pipelining=off"
        async with asyncio.timeout(30), server, Courier(Provider.parse(url)) as courier:
            (result,) = (await courier.deliver(parcels(1, b"x" * size + b"\r\n"))).results
            return result.text

    assert asyncio.run(run()) == "2.0.0 at last"
