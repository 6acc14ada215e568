"""Servers that others wrote: aiosmtpd, which does not pipeline, and Postfix's smtp-sink, which does."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator

import pytest
import uvloop

from regulars.delivery.parcel import Outcome, Result
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider
from tests.common.servers import free_port, listens, wait_for
from tests.common.smtp import Inbox
from tests.delivery.posting import BODY, parcels

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
def sink() -> Iterator[int]:
    """The port of an smtp-sink that throws everything away."""
    binary = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        pytest.skip("smtp-sink is not installed (Debian: postfix)")
    port = free_port()
    user = ["-u", "nobody"] if getpass.getuser() == "root" else []
    process = subprocess.Popen([binary, *user, f"127.0.0.1:{port}", "100"], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: listens(("127.0.0.1", port)), "smtp-sink listens")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def run(loop: Callable[[], asyncio.AbstractEventLoop], url: str, batches: int, size: int) -> list[Result]:
    async def send() -> list[Result]:
        async with asyncio.timeout(60), Courier(Provider.parse(url)) as courier:
            return [result for _ in range(batches) for result in (await courier.deliver(parcels(size))).results]

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(send())


@pytest.mark.parametrize("loop", LOOPS)
def test_aiosmtpd_takes_every_message_once(loop: str, smtp_inbox: Inbox) -> None:
    results = run(LOOPS[loop], f"{smtp_inbox.url}/?connections=3&per_connection=20", 2, 50)
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}
    assert sorted(message.recipients for message in smtp_inbox.messages) == sorted(
        parcel.recipients for parcel in parcels(50) * 2
    )
    assert {message.content for message in smtp_inbox.messages} == {BODY}


@pytest.mark.parametrize("loop", LOOPS)
def test_smtp_sink_takes_every_message(loop: str, sink: int) -> None:
    results = run(LOOPS[loop], f"smtp://127.0.0.1:{sink}/?connections=5&per_connection=100", 4, 500)
    assert {(result.outcome, result.code) for result in results} == {(Outcome.ACCEPTED, 250)}
    assert len(results) == 2000
