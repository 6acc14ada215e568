"""`kill -9` of workers in mid-run: nothing lost, nothing sent twice, and what is unclear is named and bounded.

The full measure, 10,000 emails and 20 kills, is `python -m benchmarks.kill`; docs/reliability.md has its figures.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.common.killing import LEASE, prepare, run_and_kill
from tests.common.recorder import Recorder
from tests.common.verdict import verdict
from tests.system.conftest import WORKERS, OpenSite

pytestmark = pytest.mark.slow

EMAILS, KILLS, CHUNK = 600, 3, 50


@pytest.mark.parametrize("kind", ["embedded", "redis"])
def test_killed_workers_lose_nothing_and_send_nothing_twice(kind: str, open_site: OpenSite, tmp_path: Path) -> None:
    with Recorder(tmp_path / "slowly", 0.01) as slow:
        site = open_site(kind, slow.url, REGULARS_LEASE_SECONDS=LEASE, REGULARS_CHUNK=str(CHUNK), REGULARS_BATCH="100")
        prepare(site, EMAILS)
        killed = run_and_kill(site, slow, workers=WORKERS[kind], kills=KILLS, span=0.3, dice=random.Random(3))
        found = verdict(site, slow)
    assert found.sound
    assert found.sent + found.uncertain == EMAILS
    assert found.uncertain <= killed.victims * CHUNK
    assert killed.moments[-1] < EMAILS  # the last kill still hit the run
