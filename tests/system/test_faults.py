"""Faults of the surroundings on real processes: seen everywhere within a minute, and they end.

Three at once, which costs the time of one; `python -m benchmarks.faults --minutes N` has each in turn, for longer, and
with the real scheduler.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.common import servers
from tests.common.faults import DISK_FULL, FAULTS, play
from tests.common.workplaces import small_disk, workplace

pytestmark = [pytest.mark.slow, pytest.mark.processes]


def test_faults_are_told_everywhere_and_end(postgres_server: str, tmp_path: Path) -> None:
    with (
        servers.scratch_database(postgres_server) as database,
        workplace(tmp_path / "shop", database) as place,
    ):
        found = [*play(place, *FAULTS[:3]), *play(place, FAULTS[3])]
    assert [seen for seen in found if seen.missed()] == []


def test_a_full_disk_is_told_everywhere_and_ends(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk") as disk:
            with workplace(tmp_path / "shop", f"sqlite:///{disk}/regulars.sqlite", disk=disk) as place:
                (seen,) = play(place, DISK_FULL)
            assert seen.missed() == []
    except servers.Unavailable as reason:
        pytest.skip(str(reason))
