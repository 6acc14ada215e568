"""A fault in one rule file is told once: what other files say about its names is not held against them."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.workspace.folder import check
from tests.workspace.folders import SOUND, write

TESTS = """\
tests:
  - name: thanked
    customer: {shoe_size: 40, purchases: [2026-01-01]}
    events: [{name: visit.done, at: 2026-01-02 10:00, data: {paid: 20}}]
    on: 2026-01-02 12:00
    expect: {thanks: nothing}
"""


@pytest.mark.parametrize(
    ("file", "old", "new", "typed"),
    [
        ("campaigns/company.yaml", "visit.done: {service: text,", "visit.done: [service: text,", "["),
        ("campaigns/company.yaml", "paid: number}", "paid: number]", "{"),
        ("campaigns/thanks.yaml", "id: again, if: customer.shoe_size > 38}", "id: again]", "{"),
    ],
)  # fmt: skip
def test_a_bracket_that_is_never_closed_is_one_fault(tmp_path: Path, file: str, old: str, new: str, typed: str) -> None:
    assert old in SOUND[file]
    broken = {file: SOUND[file].replace(old, new), "campaigns/tests.yaml": TESTS}
    workspace, found, _ = check(write(tmp_path, broken))
    assert workspace is None
    assert [(fault.code, fault.message[:9]) for fault in found] == [("Y001", f"this `{typed}` ")]
