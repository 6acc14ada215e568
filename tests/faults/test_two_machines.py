"""A machine that is cut off and comes back: the other sends the rest, nothing twice, and it works again by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.common.servers import Unavailable
from tests.faults.conftest import left_to_soak
from tests.faults.two_machines import EMAILS, played, sound

pytestmark = [pytest.mark.slow, pytest.mark.processes, left_to_soak]


def test_a_machine_that_is_cut_off_comes_back_by_itself() -> None:
    with tempfile.TemporaryDirectory(prefix="regulars-machines-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        try:
            seen = played(Path(folder))
        except Unavailable as reason:
            pytest.skip(str(reason))
    assert sound(seen), seen
    assert seen.in_flight > 0, "it was cut off while it sent"
    assert seen.sent_while_cut == EMAILS // 2
    assert seen.verdict["sent"] + seen.verdict["uncertain"] == EMAILS
