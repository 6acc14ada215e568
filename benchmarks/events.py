"""Events posted to the API in batches, as a shop does: how many a second over a minute, and what a replay adds.

`python -m benchmarks.events [SECONDS]`: `regulars web` in a process of its own, PostgreSQL, 10,000 clients, one caller
that waits for each answer. Every event is new and belongs to a client drawn at random.
"""

from __future__ import annotations

import http.client
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from regulars.core import api_keys
from tests.common import servers
from tests.common.site import Site

CLIENTS = 10_000
BATCH = 5_000
SECONDS = 60.0
SECRET = "a secret for benchmarks only"
COMPANY = "company: {name: Studio Ana, from: Ana <ana@studio.example>, address: 7 Florilor St}\n"
EVENTS = "events:\n  page.viewed: {page: text, seconds: number}\n"


class Caller:
    """One connection to the API that is kept open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        key = api_keys.make("bench", ["events"], SECRET.encode())
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def post(self, body: bytes) -> dict[str, Any]:
        """The report on a batch; SystemExit when it was refused."""
        self._connection.request("POST", "/api/events", body, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the API answered {answer.status}: {text[:300]!r}")
        report: dict[str, Any] = orjson.loads(text)
        if report["refused"]:
            raise SystemExit(f"rows were refused: {report['bad'][:3]}")
        return report


def batch(number: int, rng: random.Random) -> bytes:
    """The events of one batch as JSON."""
    begun = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=number)
    rows = [
        {
            "id": f"e-{number}-{place}", "customer": f"c-{rng.randrange(CLIENTS):05}", "name": "page.viewed",
            "occurred_at": (begun + timedelta(milliseconds=place)).isoformat(), "page": f"/p/{place % 97}",
            "seconds": place % 60,
        }
        for place in range(BATCH)
    ]  # fmt: skip
    return orjson.dumps(rows)


def measure(caller: Caller, seconds: float) -> tuple[int, float, bytes]:
    """Events added, seconds it took, and the last batch. The making of a batch is not counted."""
    rng, added, spent, number = random.Random(1), 0, 0.0, 0
    body = b""
    while spent < seconds:
        body = batch(number, rng)
        begun = time.monotonic()
        added += int(caller.post(body)["added"])
        spent += time.monotonic() - begun
        number += 1
    return added, spent, body


def main() -> None:
    """Prints the rate and what a replay added."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as server:
        root = Path(folder)
        (root / "campaigns").mkdir()
        (root / "campaigns" / "company.yaml").write_text(COMPANY + EVENTS, encoding="utf-8")
        with servers.scratch_database(server, "regulars_bench") as url:
            site = Site(root, url, "", "", {"REGULARS_SECRET": SECRET})
            site.prepare()
            site.crowd(CLIENTS)
            port = servers.free_port()
            command = [sys.executable, str(Path(__file__).parents[1] / "cli.py"), "--workspace", folder]
            log = (root / "web.log").open("wb")
            with subprocess.Popen(
                [*command, "web", "--port", str(port)], env={**os.environ, **site.environment}, stdout=log, stderr=log
            ) as web:
                try:
                    servers.wait_for(lambda: servers.listens(("127.0.0.1", port)), "the web process listens")
                    caller = Caller(port)
                    added, spent, last = measure(caller, seconds)
                    again = caller.post(last)
                finally:
                    web.terminate()
                    _, status, usage = os.wait4(web.pid, 0)
                    web.returncode = os.waitstatus_to_exitcode(status)
            log.close()
            site.engine.dispose()
    print(f"{added:,} events in {spent:.1f} s: {added / spent:,.0f} a second, in batches of {BATCH:,}")
    cpu = (usage.ru_utime + usage.ru_stime) / added
    print(f"CPU of the web process: {cpu * 1e6:.0f} µs for each; PostgreSQL and the caller come on top")
    print(f"the last batch again: {again['added']} added, {again['changed']} changed, {again['unchanged']:,} unchanged")


if __name__ == "__main__":
    main()
