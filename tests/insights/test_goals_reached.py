"""Goals as they become known: the claims of the report, one by one, in the span in which their events were received."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, insert

from regulars.db.engine import read, write
from regulars.db.tables import campaigns, promises
from regulars.insights.goals_reached import goals_of_client, goals_reached
from tests.common import people
from tests.common.bench import at
from tests.common.rules import rules

SENT = at("2026-05-01T12:00")
GOAL = {"event": "visit.done", "within": "14 days", "value": "score"}
CAMPAIGNS: dict[str, dict[str, Any]] = {
    "stated": {"on": "visit.done", "email": "a", "goal": ["purchase within 14 days", GOAL]},
    "plain": {"on": "visit.done", "email": "a"},
}


def _fill(engine: Engine) -> None:
    """A mailbox of two, who got an email of each campaign, and a stranger who got none."""
    with write(engine) as connection:
        for name in CAMPAIGNS:
            row = {"key": name, "name": name, "rule": "r", "trigger": "t", "since": SENT, "applied_at": SENT}
            connection.execute(insert(campaigns), row)
        ada, bo = (people.add_customer(connection, name, email="both@client.example") for name in ("ada", "bo"))
        cy = people.add_customer(connection, "cy", email=None)
        for number, (name, client) in enumerate([("stated", ada), ("plain", bo), ("stated", cy)]):
            when = SENT + timedelta(days=number)
            connection.execute(
                insert(promises).values(
                    campaign=name, step="a", customer_id=client, occurrence="o", state="sent", kind="marketing",
                    rule="r", due_at=when, expires_at=when, next_at=when, created_at=when, settled_at=when,
                )
            )  # fmt: skip
        heard = SENT + timedelta(days=6)
        people.add_purchase(
            connection, bo, SENT + timedelta(days=3), amount=Decimal("12.5"), external_id="p-bo", received_at=heard
        )
        people.add_event(connection, ada, "visit.done", SENT + timedelta(days=2), {"score": 4}, external_id="v-ada")
        people.add_purchase(connection, cy, SENT + timedelta(days=5), external_id="p-cy")


def test_goals_become_known_when_their_events_are_received(engine: Engine) -> None:
    _fill(engine)
    rulebook = rules(CAMPAIGNS).rulebook
    week = SENT + timedelta(days=7)
    with read(engine) as connection:
        found = goals_reached(connection, rulebook, SENT, week)
        assert [(one.campaign, one.client, one.event, one.value, one.currency, one.is_last) for one in found] == [
            ("stated", "ada", "v-ada", Decimal(4), None, True),
            ("stated", "bo", "p-bo", Decimal("12.5"), "EUR", False),
            ("plain", "bo", "p-bo", Decimal("12.5"), "EUR", True),
            ("stated", "cy", "p-cy", None, "EUR", True),
        ]  # fmt: skip
        assert [one.event for one in goals_reached(connection, rulebook, SENT + timedelta(days=5), week)] == [
            "p-bo",
            "p-bo",
        ]
        assert goals_reached(connection, rulebook, week, week + timedelta(days=1)) == []
        assert goals_reached(connection, rules({}).rulebook, SENT, week)[0].stated is False


def test_what_followed_the_emails_of_one_client(engine: Engine) -> None:
    _fill(engine)
    with read(engine) as connection:
        found = goals_of_client(connection, rules(CAMPAIGNS).rulebook, 1, SENT + timedelta(days=7))
    assert [(one.campaign, one.event, one.is_last) for one in found] == [
        ("stated", "v-ada", True), ("stated", "p-bo", False), ("plain", "p-bo", True),
    ]  # fmt: skip
    assert found[1].to_json()["value"] == "12.5"
