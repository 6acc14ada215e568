"""The courier alone, one process, beside a C load generator in the same minutes.

20,000 messages of 8 kB to `smtp-sink` on this machine, in turn with `smtp-source -d -s 20 -l 8000` (both from
Debian's package postfix). Prints messages per second of both, the ratio, and our CPU for each message.

    python -m benchmarks.smtp [--messages N] [--rounds N] [--connections N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import time

import uvloop

from benchmarks import servers
from regulars.delivery.parcel import Outcome, Parcel
from regulars.delivery.smtp.courier import Courier
from regulars.delivery.smtp.provider import Provider

BATCH = 500
"""As many as a worker claims at once."""
BODY = b"Subject: benchmark\r\n\r\n" + (b"x" * 76 + b"\r\n") * 102
"""About 8 kB, in lines as MIME has them."""


def courier(port: int, messages: int, connections: int) -> tuple[float, float]:
    """Messages per second, and CPU seconds of this process for each."""

    async def send() -> tuple[float, float]:
        provider = Provider.parse(f"smtp://127.0.0.1:{port}/?connections={connections}&per_connection=1000000")
        async with Courier(provider) as one:
            started, cpu = time.perf_counter(), time.process_time()
            for first in range(0, messages, BATCH):
                keys = range(first, min(first + BATCH, messages))
                delivery = await one.deliver(
                    [Parcel(key, "ana@studio.example", (f"c{key}@example.com",), BODY) for key in keys]
                )
                refused = [result for result in delivery.results if result.outcome is not Outcome.ACCEPTED]
                if refused:
                    raise SystemExit(f"smtp-sink did not accept everything: {refused[0]}")
            return messages / (time.perf_counter() - started), (time.process_time() - cpu) / messages

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(send())


def generator(port: int, messages: int) -> float:
    """Messages per second of smtp-source."""
    started = time.perf_counter()
    command = [servers.tool("smtp-source"), "-d", "-s", "20", "-l", "8000", "-m", str(messages), f"127.0.0.1:{port}"]
    subprocess.run(command, check=True)
    return messages / (time.perf_counter() - started)


def main(arguments: list[str] | None = None) -> None:
    """Runs both in turn and prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smtp", description="The courier beside smtp-source.")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=10)
    options = parser.parse_args(arguments)
    ours, theirs, cpu = [], [], []
    print("round   courier/s   smtp-source/s   ratio   CPU/message")
    with servers.smtp_sink() as port, servers.awake():
        courier(port, 2000, options.connections)  # warms both sides up
        for number in range(1, options.rounds + 1):
            rate, cost = courier(port, options.messages, options.connections)
            ours.append(rate)
            cpu.append(cost)
            theirs.append(generator(port, options.messages))
            print(f"{number:5}   {rate:9,.0f}   {theirs[-1]:13,.0f}   {rate / theirs[-1]:5.2f}   {cost * 1e6:8.1f} µs")
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"median  {statistics.median(ours):9,.0f}   {statistics.median(theirs):13,.0f}   {ratio:5.2f}"
        f"   {statistics.median(cpu) * 1e6:8.1f} µs"
    )


if __name__ == "__main__":
    main()
