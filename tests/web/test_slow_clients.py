"""Clients that open a connection and never come to an end: each is hung up on, and the others are answered."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import ClassVar

import pytest
from sqlalchemy import Engine

from regulars.web import http_protocol
from regulars.web.http_protocol import Phase, TimedProtocol
from tests.common.servers import wait_for
from tests.web.shop import Shop, open_shop

pytestmark = pytest.mark.slow

HEAD = b"POST /join HTTP/1.1\r\nhost: us\r\ncontent-type: application/x-www-form-urlencoded\r\n"


class HastyProtocol(TimedProtocol):
    """With less patience than ours."""

    seconds: ClassVar[dict[Phase, float]] = {Phase.HEAD: 0.3, Phase.BODY: 0.3, Phase.READ: 0.3}


@pytest.fixture
def shop(sqlite_engine: Engine) -> Iterator[Shop]:
    """A shop with little patience, and room for twenty connections."""
    with open_shop(sqlite_engine, http=HastyProtocol, connections=20) as found:
        yield found


def open_to(shop: Shop) -> socket.socket:
    return socket.create_connection(("127.0.0.1", shop.port), timeout=30)


def dripped(connection: socket.socket, drops: Callable[[], bytes]) -> bytes:
    """What the server says, until it hangs up, to a client that sends a little whenever it has waited."""
    connection.settimeout(0.05)
    heard = b""
    for _ in range(600):
        try:
            got = connection.recv(65536)
        except TimeoutError:
            try:
                connection.sendall(drops())
            except OSError:
                return heard
            continue
        except ConnectionError:
            return heard
        if not got:
            return heard
        heard += got
    raise AssertionError("the server listened for half a minute")


@pytest.mark.parametrize(
    ("begun", "drop", "said"),
    [
        (b"", b"", b"HTTP/1.1 408 "),
        (b"GET /healthz HTTP/1.1\r\n", b"x", b"HTTP/1.1 408 "),
        (b"GET /healthz HTTP/1.1\r\nhost: us\r\n\r\nGET /", b"x", b"HTTP/1.1 200 "),
        (HEAD + b"content-length: 1000\r\n\r\n", b"a", b""),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n", b""),
        (HEAD + b"content-length: 900000\r\n\r\n", b"a", b"HTTP/1.1 413 "),
    ],
    ids=["nothing", "head", "second head", "body", "chunks", "body after the answer"],
)
def test_a_client_that_drips_is_hung_up_on(
    shop: Shop, begun: bytes, drop: bytes, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with open_to(shop) as connection:
        connection.sendall(begun)
        assert dripped(connection, lambda: drop)[: len(said) or None] == said
    assert shop.get("/healthz").status == 200
    assert not [record for record in caplog.records if record.exc_info]
    assert shop.count("signups") == 0


def test_half_open_connections_do_not_keep_others_out_for_long(shop: Shop) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(open_to(shop)) for _ in range(40)]
        for connection in slow:
            connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert shop.get("/healthz").status == 503, "as many are open as there is room for"
        wait_for(lambda: shop.get("/healthz").status == 200, "others are answered again", 30)


def test_a_client_that_takes_its_time_within_the_limits_is_answered(sqlite_engine: Engine) -> None:
    with open_shop(sqlite_engine) as shop, open_to(shop) as connection:
        for part in (HEAD[:40], HEAD[40:], b"content-length: 26\r\n", b"\r\n", b"email=new%40client.example"):
            connection.sendall(part)
        assert connection.recv(12) == b"HTTP/1.1 303"


def test_ours_is_patient_enough_for_a_bad_line_and_bounded() -> None:
    assert set(TimedProtocol.seconds) == set(Phase)
    assert all(5 <= seconds <= 120 for seconds in TimedProtocol.seconds.values())
    assert http_protocol.CONNECTIONS < 1024
