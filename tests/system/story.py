"""Forty clients of all kinds and a few days of rules of all kinds, small enough to play on every set of servers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regulars.db.engine import write
from regulars.profile import facts
from tests.common.people import add_consent, add_customer, add_event, add_purchase, add_suppression
from tests.common.site import Site
from tests.common.workspace import write_workspace

MOMENTS = [
    datetime.fromisoformat(f"2026-06-{text}").replace(tzinfo=UTC) for text in ("10T09:00", "10T12:00", "13T12:00")
]
ZONES = (None, "Pacific/Auckland", "America/New_York", "Europe/Chisinau")
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "news": {"at": "2026-06-10 10:00", "email": "news", "priority": 2, "holdout": "10%"},
    "visit": {"on": "visit.done", "kind": "transactional", "email": "visit"},
    "anniversary": {"every": "year since customer.first_purchase_at", "email": "anniversary", "priority": 1},
    "back": {
        "when": "days_since(customer.last_purchase_at) > 100",
        "backfill": "all",
        "offer": {"coupon": {"percent": 50}},
        "steps": [{"email": "back"}, {"wait": "2 days", "email": "back-again"}],
        "until": "purchase",
    },
}
POLICY = {"quiet_hours": "20:00-09:00", "cap": "1 per 2 days", "late": "2 days"}


def write_rules(root: Path) -> None:
    """The workspace."""
    write_workspace(root, CAMPAIGNS, policy=POLICY, lines={"back": "{{ coupon.code }}"})


def settle_in(site: Site) -> None:
    """The clients and what they did, all of it before the first moment or between two."""
    with write(site.engine) as connection:
        for number in range(40):
            name = f"c-{number:02}"
            key = add_customer(
                connection, name, timezone=ZONES[number % 4], email=None if number == 7 else f"{name}@client.example"
            )
            if number % 2:
                add_purchase(connection, key, f"202{number % 5}-06-{10 + number % 4}T12:00", external_id=f"p-{number}")
            if number % 3 == 0:
                add_event(
                    connection, key, "visit.done", "2026-06-10T10:30", {"service": "cut"}, external_id=f"v-{number}"
                )
            if number % 10 == 4:
                add_consent(connection, key, "news", granted=False)
        add_suppression(connection, "c-11@client.example")
        facts.refresh(connection)
