"""When a client leaves a segment by time alone: after having been in it, also where it is entered by time alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from regulars.audience.person import Person
from regulars.triggers.state_changes import ClientState, state_changes
from tests.common.rules import rules

BOUGHT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEGMENT = "days_since(customer.last_purchase_at) >= 10 and days_since(customer.last_purchase_at) < 30"
FOUND = rules({"bye": {"when": "left_segment('warm')", "email": "x"}}, segments={"warm": SEGMENT})
STATE = ClientState.of(FOUND, FOUND.rulebook.campaigns["bye"])


def _changes(person: Person, day: int, *, segments: bool = False) -> list[datetime]:
    after = BOUGHT + timedelta(days=day)
    return list(state_changes(STATE, person, after, after + timedelta(days=60), segments=segments))


def test_it_is_left_after_having_been_in_it() -> None:
    person = Person(fields={"last_purchase_at": BOUGHT})
    assert _changes(person, 15) == [BOUGHT + timedelta(days=30)]
    assert _changes(person, 40) == []
    assert _changes(Person(fields={"last_purchase_at": BOUGHT}, was_in=frozenset({"warm"})), 40) == []


def test_a_segment_entered_by_time_alone_is_left_too() -> None:
    person = Person(fields={"last_purchase_at": BOUGHT})
    assert _changes(person, 1) == [BOUGHT + timedelta(days=30)]
    assert _changes(person, 1, segments=True) == [BOUGHT + timedelta(days=10), BOUGHT + timedelta(days=30)]
    assert person.was_in == frozenset()
