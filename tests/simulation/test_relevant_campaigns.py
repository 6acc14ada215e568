"""What a rule test need not plan: only what cannot write to anybody in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from regulars.rules.model import RuleTest
from regulars.simulation.relevant_campaigns import relevant_campaigns
from regulars.simulation.scene import Scene
from regulars.workspace.folder import open_workspace
from tests.common.workspace import write_workspace

CAMPAIGNS: dict[str, Any] = {
    "bought": {"on": "purchase"},
    "came": {"on": "visit.done"},
    "silent": {"when": "days_since(customer.last_purchase_at) > 90"},
    "born": {"every": "year since customer.birthday"},
    "years": {"every": "year since customer.first_purchase_at"},
    "known": {"every": "year since customer.created_at"},
    "monthly": {"schedule": "monthly on 1 at 10:00"},
    "christmas": {"at": ["2026-12-24 09:00"]},
    "catching-up": {"at": ["2026-01-05 09:00"], "backfill": "all"},
    "off": {"when": "customer.purchases > 1", "enabled": False},
}
ALWAYS = {"silent", "known", "catching-up"}


MET = [{"name": "meeting.completed", "at": "2026-06-08"}]
EVE = [{"name": "meeting.completed", "at": "2026-12-23"}]


@pytest.mark.parametrize(
    ("test", "kept"),
    [
        ({"customer": {}, "on": "2026-06-10"}, {"monthly"}),
        ({"customer": {"purchases": ["2026-06-08"]}, "on": "2026-06-10"}, {"bought", "years"}),
        ({"events": [{"name": "visit.done", "at": "2026-06-08"}], "on": "2026-06-10"}, {"came"}),
        ({"customer": {"birthday": "1980-01-01"}, "events": MET, "on": "2026-06-10"}, {"born"}),
        ({"events": EVE, "on": "2026-12-24 09:00"}, {"christmas"}),
        ({"events": EVE, "on": "2026-12-24 08:59"}, set()),
        ({"events": MET, "on": "2026-06-10", "expect": {"off": "nothing"}}, {"off"}),
    ],
)  # fmt: skip
def test_what_can_happen_is_kept(tmp_path: Path, test: dict[str, Any], kept: set[str]) -> None:
    campaigns = {name: {**rule, "email": "back"} for name, rule in CAMPAIGNS.items()}
    write_workspace(tmp_path, campaigns)
    rules = open_workspace(tmp_path)
    scene = Scene.of(RuleTest.model_validate({"name": "a test", "expect": {}, **test}), rules.rulebook)
    assert set(relevant_campaigns(rules, scene).rulebook.campaigns) == ALWAYS | kept
