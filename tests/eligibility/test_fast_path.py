"""One look at what was claimed, and the examination rule by rule: both let the same go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, update

from regulars.consent.rights import withdraw
from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import plan_context
from regulars.db.engine import dry_run
from regulars.db.tables import assignments, campaigns, customers, preferences, promises
from regulars.eligibility.examine import examine_claimed
from regulars.ledger.claims import Claim, claim
from regulars.planner.plan import plan
from regulars.profile import facts
from tests.common.bench import at
from tests.common.effort import share
from tests.common.people import add_customer, add_event, add_suppression
from tests.common.rules import Rules, rules

EXAMINE = import_module("regulars.eligibility.examine")
VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail"}
RULES: Mapping[str, dict[str, Any]] = {
    "news": VISIT | {"audience": "customer.country == 'EE'"},
    "receipt": VISIT | {"kind": "transactional"},
    "gift": VISIT | {"offer": {"coupon": {"percent": 10, "until": "2026-06-20"}}, "late": "30 days"},
    "measured": VISIT | {"holdout": "0.01%"},
    "steps": {"on": "visit.done", "steps": [{"email": "mail"}], "until": "complaint.opened"},
}
POLICY = {"late": "3 days", "quiet_hours": "21:00-08:00"}
PLANNED_AT = at("2026-06-10T12:01")

Obstacle = Callable[[Connection, int], object]
OBSTACLES: Mapping[str, Obstacle] = {
    "left": lambda c, key: withdraw(c, key, "marketing", at=PLANNED_AT, source="test"),
    "left a topic": lambda c, key: withdraw(c, key, "news", at=PLANNED_AT, source="test"),
    "no address": lambda c, key: _change(c, key, email=None, email_hash=None),
    "erased": lambda c, key: _change(c, key, erased_at=PLANNED_AT),
    "moved away": lambda c, key: _change(c, key, country="LV"),
    "another zone": lambda c, key: _change(c, key, timezone="Asia/Tokyo"),
    "bounced": lambda c, key: add_suppression(c, f"{_name(c, key)}@client.example"),
    "a break": lambda c, key: _rest(c, key, "2026-06-12T12:00"),
    "a long break": lambda c, key: _rest(c, key, "2026-07-12T12:00"),
    "a complaint": lambda c, key: add_event(c, key, "complaint.opened", "2026-06-10T12:02"),
    "an unknown step": lambda c, key: _promise(c, key, "steps", step="gone"),
    "an unknown campaign": lambda c, key: _promise(c, key, "news", campaign="gone"),
    "held out, since it was joined with another": lambda c, key: _draw(c, key, "control"),
    "sent by another": lambda c, key: _promise(c, key, "receipt", state="sent"),
}
WITHOUT: Mapping[str, dict[str, Any]] = {
    "nothing": {},
    "a campaign": {"news": None},
    "a paused campaign": {"receipt": RULES["receipt"] | {"enabled": False}},
}


def _change(connection: Connection, key: int, **values: Any) -> None:
    connection.execute(update(customers).where(customers.c.id == key).values(**values))


def _name(connection: Connection, key: int) -> str:
    return str(connection.scalar(select(customers.c.external_id).where(customers.c.id == key)))


def _rest(connection: Connection, key: int, until: str) -> None:
    wish = {"customer_id": key, "at": PLANNED_AT, "paused_until": at(until)}
    if connection.scalar(select(preferences.c.customer_id).where(preferences.c.customer_id == key)) is None:
        connection.execute(insert(preferences).values(wish))


def _draw(connection: Connection, key: int, arm: str) -> None:
    connection.execute(update(assignments).where(assignments.c.customer_id == key).values(arm=arm))


def _promise(connection: Connection, key: int, of: str, **values: Any) -> None:
    mine = (promises.c.customer_id == key, promises.c.campaign == of)
    connection.execute(update(promises).where(*mine).values(**values))


def _claimed(connection: Connection, people: Sequence[frozenset[str]]) -> Claim:
    """Promises to some clients in a worker's hands, and what has come between since."""
    before = rules(RULES, policy=POLICY)
    facts.refresh(connection)
    plan(connection, before, at("2026-06-10T11:00"))
    keys = []
    for number in range(len(people)):
        keys.append(add_customer(connection, f"c{number}", country="EE", timezone="Europe/Tallinn"))
        add_event(connection, keys[-1], "visit.done", "2026-06-10T12:00")
    facts.refresh(connection)
    plan(connection, before, PLANNED_AT)
    kinds = ["marketing", "transactional"]
    taken = claim(connection, kinds=kinds, limit=100, now=PLANNED_AT, lease=timedelta(minutes=1), worker="w")
    for key, obstacles in zip(keys, people, strict=True):
        for name in sorted(obstacles):
            OBSTACLES[name](connection, key)
    facts.refresh(connection)
    assert taken is not None
    return taken


def _confirmed(connection: Connection, now: Rules, when: str, claim: Claim) -> tuple[set[int], list[tuple[Any, ...]]]:
    """The ids that may go, and the ledger afterwards; the ledger is put back."""
    point = connection.begin_nested()
    gone = connection.scalars(select(campaigns.c.name).where(campaigns.c.name.not_in(sorted(now.rulebook.campaigns))))
    assert set(gone) <= set(RULES)
    ids = examine_claimed(
        connection, plan_context(connection, now, at(when)), load_active_campaigns(connection, now.rulebook), claim
    )
    columns = ("id", "state", "reason", "detail", "next_at", "settled_at")
    ledger = connection.execute(select(*(promises.c[name] for name in columns)).order_by(promises.c.id)).all()
    point.rollback()
    assert len(ids) == len(set(ids))
    return set(ids), [tuple(row) for row in ledger]


def _agree(engine: Engine, people: Sequence[frozenset[str]], without: str, when: str) -> None:
    written = {name: rule for name, rule in {**RULES, **WITHOUT[without]}.items() if rule is not None}
    now = rules(written, policy=POLICY)
    with dry_run(engine) as connection:
        claimed = _claimed(connection, people)
        at_a_glance = _confirmed(connection, now, when, claimed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(EXAMINE, "all_clear", lambda *_: set())
            assert at_a_glance == _confirmed(connection, now, when, claimed)


@pytest.mark.slow
@settings(max_examples=share(2), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(st.frozensets(st.sampled_from(sorted(OBSTACLES)), max_size=2), min_size=1, max_size=6),
    without=st.sampled_from(sorted(WITHOUT)),
    when=st.sampled_from(["2026-06-10T12:05", "2026-06-10T19:30", "2026-06-14T12:00", "2026-06-21T12:00"]),
)
def test_the_glance_lets_go_what_the_examination_lets_go(
    engine: Engine, people: list[frozenset[str]], without: str, when: str
) -> None:
    _agree(engine, people, without, when)


def test_each_obstacle_alone(engine: Engine) -> None:
    _agree(engine, [frozenset([name]) for name in OBSTACLES], "nothing", "2026-06-10T12:05")


def test_who_is_in_the_control_group_by_now_is_not_written_to(engine: Engine) -> None:
    now = rules(RULES, policy=POLICY)
    with dry_run(engine) as connection:
        claimed = _claimed(connection, [frozenset(), frozenset(["held out, since it was joined with another"])])
        going, ledger = _confirmed(connection, now, "2026-06-10T12:05", claimed)
        assert len(going) == 2 * len(RULES) - 1
        assert [row[2] for row in ledger if row[1] == "skipped"] == ["holdout"]


def test_where_nothing_stands_against_them_the_glance_finds_all(engine: Engine) -> None:
    now = rules(RULES, policy=POLICY)
    with dry_run(engine) as connection:
        claimed = _claimed(connection, [frozenset()] * 3)
        found = EXAMINE.all_clear(
            connection,
            plan_context(connection, now, PLANNED_AT),
            load_active_campaigns(connection, now.rulebook),
            claimed,
        )
        assert found == set(claimed.rows)
        assert len(found) == 3 * len(RULES)
