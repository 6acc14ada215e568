"""A short run of the soak on each set-up: nothing lost, nothing doubled, and each doubt was in flight at a kill.

On one of them with two schedulers, two versions of the rules, and a worker whose clock is off.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.common.recorder import Recorder
from tests.common.servers import Unavailable
from tests.faults.conftest import left_to_soak
from tests.faults.set_ups import set_up
from tests.faults.soak import SIZES, Options, Soak

pytestmark = [pytest.mark.slow, pytest.mark.processes]

KILLS, EMAILS, SEED = 3, 240, 4


@pytest.mark.parametrize(
    "set_up_kind", ["embedded", *(pytest.param(name, marks=left_to_soak) for name in ("redis", "rabbitmq"))]
)
def test_random_kills_lose_nothing_and_send_nothing_twice(set_up_kind: str) -> None:
    with tempfile.TemporaryDirectory(prefix="regulars-soak-", ignore_cleanup_errors=True) as scratch:
        root = Path(scratch)
        root.chmod(0o755)
        options = Options(KILLS, EMAILS, SEED, lease=3, apart=set_up_kind == "redis", **SIZES[set_up_kind])
        try:
            with set_up(set_up_kind, root / "servers") as place, Recorder(root / "accepted", 0.01) as recorder:
                found = Soak(root, options).run(place, recorder)
        except Unavailable as reason:
            pytest.skip(str(reason))
    assert found.sound, found.text(set_up_kind)
    assert found.kinds.total() == KILLS
