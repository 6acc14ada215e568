"""An email that gets its workers killed does not keep its neighbours waiting: it is found, held by name, and freed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import BigInteger, Engine, type_coerce, update

from regulars.core import clock
from regulars.db.engine import open_engine, write
from regulars.db.tables import claims
from regulars.dispatch import dispatcher
from regulars.dispatch.compose import Composed, compose
from regulars.dispatch.load import Job
from regulars.explain.explain import explain
from regulars.ledger.poison import MOST_LOST
from regulars.operation.runtime import Runtime
from regulars.operation.surroundings import stopped
from tests.common.bench import at
from tests.common.smtp import Inbox
from tests.common.workspace import write_workspace
from tests.dispatch.conftest import Open
from tests.dispatch.office import NEWS, NOON, Office

pytestmark = [pytest.mark.slow, pytest.mark.processes]
CLIENTS = 150
POISON = "c077"


def a_minute_passes(engine: Engine) -> None:
    """On the database's clock, as far as claims can see."""
    with write(engine) as connection:
        moved = type_coerce(claims.c.lease_until, BigInteger) - 61_000_000
        connection.execute(update(claims).values(lease_until=moved))


def worker_dies(office: Office, poison: Callable[[Job], bool]) -> bool:
    """A worker process sends; whether it was killed, as it is by the kernel when it renders the poison."""
    settings, url = office.runtime.settings, office.engine.url
    child = os.fork()
    if child == 0:

        def eat(job: Job, *more: Any) -> Composed:
            if poison(job):
                os.kill(os.getpid(), signal.SIGKILL)
            return compose(job, *more)

        setattr(dispatcher, "compose", eat)  # noqa: B010 - it names its import nowhere
        try:
            runtime = Runtime(settings, open_engine(url.render_as_string(hide_password=False)), clock.system)
            runtime.dispatch(clock.frozen(at(NOON)))
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_an_email_that_kills_its_workers_is_held_by_name_and_the_others_go(
    open_office: Open, smtp_inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    office = open_office(smtp_inbox.url, REGULARS_CHUNK="10")
    write_workspace(office.root, {"news": NEWS})
    office.clients(*(f"c{number:03}" for number in range(CLIENTS)))
    office.plan()
    key = next(row["id"] for row in office.rows() if row["customer"] == POISON)
    deaths = 0
    while worker_dies(office, lambda job: job.id == key):
        deaths += 1
        a_minute_passes(office.engine)
        assert deaths <= MOST_LOST
    assert deaths == MOST_LOST
    states = Counter((row["state"], row["reason"]) for row in office.rows())
    # Each death leaves the chunk that was being sent uncertain, as any death does: the one before it was rendered.
    assert states["held", "kills-workers"] == 1
    assert states["sent", None] + states["uncertain", "worker-lost"] == CLIENTS - 1
    assert states["uncertain", "worker-lost"] <= 3 * 10
    (found,) = stopped(office.engine)
    assert f"promise {key} (campaign `news`, step `news`) is held" in found.full
    assert found.brief.startswith("1 email is held because workers died when they rendered it")
    sentence = explain(office.engine, office.runtime.rules, POISON, "news", at(NOON)).campaigns[0].sentence
    assert "workers died when they rendered it" in sentence

    assert office.runtime.free_retries(at(NOON)) == 1  # `regulars retry`, and it kills once more
    office.plan()
    assert worker_dies(office, lambda job: job.id == key)
    a_minute_passes(office.engine)
    assert not worker_dies(office, lambda job: job.id == key)
    assert office.states()[POISON] == ("held", "kills-workers")

    caplog.clear()
    assert office.runtime.free_retries(at(NOON)) == 1  # the template is mended
    office.tick()
    assert office.states()[POISON] == ("sent", None)
    assert stopped(office.engine) == []
