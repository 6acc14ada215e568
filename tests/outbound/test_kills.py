"""The process that tells other programs is killed again and again: nothing is lost, and each client's order holds."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys

import pytest

from regulars.feedback.notification import Kind
from regulars.outbound.webhook_body import identity
from regulars.outbound.webhook_delivery import BATCH
from tests.common.servers import wait_for
from tests.dispatch.office import NEWS, VISIT
from tests.outbound.conftest import LOCAL, Teller

pytestmark = [pytest.mark.slow, pytest.mark.processes]

CLIENTS = 60
TELL = """
from pathlib import Path
import os
from regulars.core import clock, settings
from regulars.db.engine import open_engine
from regulars.operation.runtime import Runtime
here = settings.load(Path(os.environ["REGULARS_WORKSPACE"]))
Runtime(here, open_engine(here.database_url), clock.system).notify()
"""


def _teller_process(teller: Teller) -> subprocess.Popen[bytes]:
    environment = os.environ | LOCAL | {
        "REGULARS_WORKSPACE": str(teller.root),
        "REGULARS_DATABASE_URL": teller.engine.url.render_as_string(hide_password=False),
        "REGULARS_SECRET": str(teller.runtime.settings.secret),
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-c", TELL], env=environment)


def test_every_message_arrives_in_order_although_its_process_is_killed(teller: Teller) -> None:
    dice = random.Random(7)
    teller.open(news=NEWS, visit=VISIT)
    names = [f"c-{number}" for number in range(CLIENTS)]
    teller.clients(*names)
    teller.tick()
    for name in names:
        teller.bounce(name)
    for name in names[::2]:
        teller.bounce(name, Kind.COMPLAINT)
    receiver, kills = teller.receiver_at, 0
    while any(row["state"] == "waiting" for row in teller.outbox()):
        process = _teller_process(teller)
        target = len(receiver.got) + dice.randrange(5, 3 * BATCH)
        wait_for(lambda: len(receiver.got) >= target or process.poll() is not None, "some arrive")  # noqa: B023
        if process.poll() is None:
            process.kill()
            kills += 1
        assert process.wait() in {0, -signal.SIGKILL}
        teller.hurry()  # the lease of what it had taken is over
    assert kills >= 3
    bodies: dict[str, bytes] = {}
    order: dict[str, list[str]] = {}
    for (headers, body), message in zip(receiver.got, receiver.messages, strict=True):
        name = headers["webhook-id"]
        assert bodies.setdefault(name, body) == body, "a message that comes again is the same"
        seen = order.setdefault(message["data"].get("customer", ""), [])
        if name not in seen:
            seen.append(name)
    rows = teller.outbox()
    for name in names:
        key = teller.key(name)
        assert order[name] == [identity(row["subject"]) for row in rows if row["customer_id"] == key]
    assert set(bodies) == {identity(row["subject"]) for row in rows}
    assert len(rows) > 2 * CLIENTS
    assert {row["state"] for row in rows} == {"delivered"}
