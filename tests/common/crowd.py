"""A random crowd and rules of every kind, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from regulars.db.engine import write
from regulars.profile import facts
from tests.common import people
from tests.common.bench import Bench, at
from tests.common.rules import Rules, rules

START = at("2026-01-01T00:00")
DAYS = 120
ZONES = (None, "Pacific/Auckland", "America/New_York", "Asia/Kathmandu")


STATE = "days_since(customer.last_purchase_at) > 20 or customer.overdue >= 2"
SILENT: dict[str, Any] = {
    "when": STATE, "again": "after 40 days", "priority": 5, "until": "purchase", "holdout": "20%",
    "steps": [{"email": "a"}, {"email": "b", "wait": "3 days", "if": "customer.spent > 50"}],
}  # fmt: skip
LASTING: dict[str, dict[str, Any]] = {
    "silent": SILENT,
    "birthday": {"every": "year since customer.birthday, 3 days before", "email": "d", "priority": 9},
    "monthly": {"every": "month since customer.first_purchase_at", "email": "e", "again": "after 50 days"},
    "count": {"each": "customer.purchases", "audience": "customer.country != 'RO'", "email": "n"},
}
"""What a client's state and dates set off, without anything that happens."""


def every_kind(state: str = STATE, more: Mapping[str, Mapping[str, Any]] | None = None) -> Rules:
    """Rules of all kinds of trigger, with waits, steps, pauses, control groups and a cap."""
    return rules(
        {
            **LASTING, "silent": {**SILENT, "when": state},
            "new": {"when": "customer.purchases == 1", "audience": "customer.country == 'MD'", "email": "c"},
            "visit": {
                "variants": [{"name": "plain"}, {"name": "gift", "words": "gift"}, {"name": "other", "email": "g"}],
                "on": "visit.done", "audience": "event.score < 5 or not did('complaint.opened', within='10 days')",
                "steps": [{"email": "f", "wait": "2 days"}],
            },
            "thanks": {"on": "purchase", "kind": "transactional", "audience": "event.amount >= 30", "email": "g"},
            "news": {"schedule": "weekly on monday at 10:00", "audience": "customer.purchases > 2", "email": "h"},
            "boss": {"on": "complaint.opened", "to": "manager", "email": "i"},
            "launch": {
                "new": "product", "audience": "product.price > 10",
                "waves": [
                    {"to": "customer.country == 'MD'", "email": "k"},
                    {"to": "customer.purchases > 1", "email": "l", "wait": "6 working hours"},
                    {"email": "m", "wait": "3 days"},
                ],
            },
            "asked": {
                "on": "complaint.opened", "until": "visit.done with same score",
                "steps": [{"email": "o", "wait": "4 working hours"}],
            },
            "feast": {"at": ["2026-02-14 21:30", "2026-03-08 09:00"], "email": "j", "priority": 7},
            **(more or {}),
        },
        policy={"quiet_hours": "20:00-09:00", "cap": "2 per 7 days", "late": "2 days"},
        company={"timezone": "Europe/Chisinau"},
    )  # fmt: skip


def gather(bench: Bench, seed: int, count: int = 12, *, minutes: int = 1) -> list[str]:
    """Puts the crowd in, with what they did and will do, at multiples of so many minutes; their external ids."""
    dice = random.Random(seed)
    names = [f"c-{number}" for number in range(count)]
    with write(bench.engine) as connection:
        people.add_manager(connection, "m-1")
        for number in range(3):
            launched = _some_time(dice, minutes)
            people.add_product(connection, f"p-{number}", price=Decimal(8 + number * 2), launched_at=launched)
        for name in names:
            born = date(1980, 1, 1) + timedelta(days=dice.randrange(365 * 4))
            key = people.add_customer(
                connection, name, consent=dice.random() < 0.5, timezone=dice.choice(ZONES),
                country=dice.choice(["MD", "RO", None]), birthday=dice.choice([None, born]),
                email=None if dice.random() < 0.1 else f"{name}@client.example",
                manager=dice.choice([None, "m-1"]), created_at=START,
            )  # fmt: skip
            if dice.random() < 0.15:
                people.add_consent(connection, key, "visits", granted=False)
            if dice.random() < 0.1:
                people.add_suppression(connection, f"{name}@client.example")
            for _ in range(dice.randrange(5)):
                people.add_purchase(connection, key, _some_time(dice, minutes), amount=dice.randrange(10, 90))
            for event in ("visit.done", "complaint.opened"):
                for _ in range(dice.randrange(3)):
                    people.add_event(connection, key, event, _some_time(dice, minutes), {"score": dice.randrange(10)})
        facts.refresh(connection)
    return names


def _some_time(dice: random.Random, minutes: int) -> datetime:
    return START + timedelta(minutes=dice.randrange(DAYS * 24 * 60) // minutes * minutes)
