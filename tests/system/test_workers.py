"""Real Celery workers on every set of servers: the same ledger, each message once, whatever becomes of the broker."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from regulars.core import clock, settings
from regulars.operation.runtime import Runtime
from tests.common import brokers
from tests.common.killing import NOW, prepare
from tests.common.recorder import Recorder
from tests.common.servers import wait_for
from tests.common.site import Site, crew
from tests.common.verdict import message_id, verdict
from tests.system import story
from tests.system.conftest import KINDS, WORKERS, OpenSite

pytestmark = pytest.mark.slow

Ledger = set[tuple[str, str, str, str, str, str | None]]


def _alone(site: Site) -> Ledger:
    """The story played by one process without a broker."""
    story.write_rules(site.root)
    story.settle_in(site)
    runtime = Runtime(settings.load(site.root, site.environment), site.engine, clock.system)
    for moment in story.MOMENTS:
        runtime.tick(clock.frozen(moment))
    runtime.close()
    return site.ledger()


@pytest.mark.parametrize("kind", KINDS)
def test_the_ledger_is_the_same_wherever_it_runs(
    kind: str, open_site: OpenSite, recorder: Recorder, tmp_path: Path
) -> None:
    with Recorder(tmp_path / "alone") as other:
        alone = Site(tmp_path / "alone-site", f"sqlite:///{tmp_path}/alone.sqlite", "memory://", other.url)
        expected = _alone(alone)
        assert len(other.accepted()) == sum(row[4] == "sent" for row in expected)
        alone.engine.dispose()
    assert {row[4] for row in expected} == {"sent", "held", "skipped"}
    assert {row[0] for row in expected if row[4] == "sent"} == set(story.CAMPAIGNS)

    site = open_site(kind, recorder.url)
    story.write_rules(site.root)
    story.settle_in(site)
    with crew(site, WORKERS[kind]) as running:
        for moment in story.MOMENTS:
            running.play(moment)
    assert site.ledger() == expected
    assert Counter(number for number, _ in recorder.accepted()) == {
        message_id(*row[:4]): 1 for row in expected if row[4] == "sent"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_wiped_broker_costs_a_wake_up_and_no_email(kind: str, open_site: OpenSite, tmp_path: Path) -> None:
    with Recorder(tmp_path / "slowly", 0.05) as slow:
        site = open_site(kind, slow.url, REGULARS_CHUNK="10", REGULARS_BATCH="20")
        prepare(site, 200)
        with crew(site, WORKERS[kind]) as running:
            running.waker.wake("regulars.plan", NOW)
            wait_for(lambda: slow.count() > 20, "mail flows")
            for worker in running.workers:
                worker.process.terminate()
            # One that is still starting does not listen yet, and dies of it.
            assert {worker.stop() for worker in running.workers} <= {0, -signal.SIGTERM}
            assert site.states()["planned"] > 0
            assert verdict(site, slow).uncertain == 0  # told to stop, a worker finishes what it has in hand
            brokers.wipe(site.broker_url)
            for worker in running.workers:
                worker.start()
            running.waker.stop()
            running.waker.start()
            running.waker.wake("regulars.dispatch", NOW)
            running.finish(NOW)
        found = verdict(site, slow)
    assert found.sound
    assert (found.sent, found.uncertain) == (200, 0)


def test_a_broker_wiped_under_running_workers_is_used_again(open_site: OpenSite, recorder: Recorder) -> None:
    site = open_site("redis", recorder.url)
    prepare(site, 50)
    with crew(site, 2) as running:
        brokers.wipe(site.broker_url)
        running.play(NOW)
    found = verdict(site, recorder)
    assert found.sound
    assert found.sent == 50
