"""Random histories: the report of goals equals a plain count in Python, on both databases, and counts nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert

from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import assignments, campaigns, customers, events, promises, purchases
from regulars.insights.attribution import Period
from regulars.insights.goal_report import GoalReport, Part, Reached, goal_report
from regulars.rules.goal_rules import Goal
from regulars.rules.model import Rulebook
from tests.common.bench import at
from tests.common.rules import rules

START = at("2026-05-30T22:00")
RULES: Mapping[str, Mapping[str, Any]] = {
    "stated": {"on": "visit.done", "email": "a", "goal": {"event": "purchase", "within": "2 days", "value": "amount"}},
    "plain": {"on": "visit.done", "email": "a"},
    "two-goals": {
        "on": "visit.done", "email": "a",
        "goal": [
            {"event": "visit.done", "within": "3 days", "value": "score", "if": "event.score > 2"},
            {"event": "purchase", "within": "1 day", "if": "event.amount >= 5"},
        ],
    },
    "receipt": {"on": "purchase", "email": "a", "kind": "transactional"},
}  # fmt: skip
RULEBOOK: Rulebook = rules(RULES, company={"timezone": "Europe/Tallinn"}).rulebook
KEYS = [*RULES, "retired"]
USUAL = Goal(event="purchase", within=timedelta(days=7))
MAILBOX = {1: "one", 2: "shared", 3: "shared", 4: None}
"""The address of each client; the fourth has none."""


@dataclass(frozen=True)
class Email:
    """A promise at an hour after the start."""

    campaign: str
    step: str
    client: int
    hour: int
    state: str
    recipient: str


@dataclass(frozen=True)
class Happened:
    """A purchase, or a visit with a score, at an hour after the start."""

    event: str
    client: int
    hour: int
    value: int | None
    currency: str | None


hours = st.integers(0, 240)
clients = st.sampled_from(list(MAILBOX))
emails = st.builds(
    Email, st.sampled_from(KEYS), st.sampled_from("ab"), clients, hours,
    st.sampled_from(["sent", "sent", "sent", "uncertain", "bounced", "skipped"]),
    st.sampled_from(["customer", "customer", "customer", "manager"]),
)  # fmt: skip
happenings = st.builds(
    Happened, st.sampled_from(["purchase", "purchase", "visit.done"]), clients, hours,
    st.one_of(st.none(), st.integers(-20, 40)), st.sampled_from([None, "EUR", "USD"]),
)  # fmt: skip
instants = st.one_of(st.none(), hours)


def _goals(campaign: str) -> Sequence[Goal]:
    if campaign == "retired":
        return (USUAL,)
    rule = RULEBOOK.campaigns[campaign]
    return rule.goals or (() if campaign == "receipt" else (USUAL,))


def _counts(goal: Goal, one: Happened) -> bool:
    if goal.event != one.event:
        return False
    least = {"event.score > 2": 3, "event.amount >= 5": 5}.get(goal.condition or "", -1000)
    return goal.condition is None or (one.value is not None and one.value >= least)


def _mailbox(client: int) -> object:
    return MAILBOX[client] or client


Claim = tuple[str, int, Email, Happened]


def model(
    sent: Sequence[Email], came: Sequence[Happened], now: int, since: int | None, until: int | None
) -> tuple[list[Claim], list[Claim]]:
    """Each campaign's claims, and those of the last email; the slow and plain way."""
    own: list[Claim] = []
    last: list[Claim] = []
    for happened in came:
        candidates: list[tuple[int, int, int, Claim]] = []
        for number, email in enumerate(sent):
            if email.state not in ("sent", "uncertain") or email.recipient != "customer" or email.hour > now:
                continue
            if _mailbox(email.client) != _mailbox(happened.client) or happened.hour > now:
                continue
            for place, goal in enumerate(_goals(email.campaign)):
                within = goal.within.total_seconds() / 3600
                if _counts(goal, happened) and 0 < happened.hour - email.hour <= within:
                    candidates.append((email.hour, number, -place, (email.campaign, place, email, happened)))
        candidates.sort(key=lambda each: each[:3])
        best = {(each[3][0], each[3][1]): each[3] for each in candidates}
        own += best.values()
        last += [candidates[-1][3]] if candidates else []
    return tuple(  # type: ignore[return-value]
        [
            claim for claim in claims
            if (since is None or claim[2].hour >= since) and (until is None or claim[2].hour < until)
        ]
        for claims in (own, last)
    )  # fmt: skip


def _reached(claims: Sequence[Claim], goal: Goal | None = None, *, mailboxes: bool = True) -> Reached:
    values: dict[str, Decimal] = {}
    unvalued = 0
    for _, place, email, happened in claims:
        asked = goal or _goals(email.campaign)[place]
        money = happened.event == "purchase"
        if happened.value is None or asked.counted is None:
            unvalued += 1
        else:
            currency = (happened.currency or "EUR") if money else ""
            values[currency] = values.get(currency, Decimal(0)) + happened.value
    boxes = len({_mailbox(claim[2].client) for claim in claims}) if mailboxes else None
    return Reached(len(claims), boxes, values, unvalued)


def _fill(engine: Engine, sent: Sequence[Email], came: Sequence[Happened]) -> None:
    with write(engine) as connection:
        for table in (promises, purchases, events, assignments, campaigns, customers):
            connection.execute(delete(table))
        connection.execute(
            insert(customers),
            [
                {"id": n, "external_id": f"c{n}", "uid": f"c{n}", "bucket": ids.bucket(f"c{n}"), "email_hash": box,
                 "attrs": {}, "created_at": START, "updated_at": START}
                for n, box in MAILBOX.items()
            ],
        )  # fmt: skip
        connection.execute(
            insert(campaigns),
            [{"key": k, "name": k, "rule": "r", "trigger": "t", "since": START, "applied_at": START} for k in KEYS],
        )
        mail = [
            {"id": n + 1, "campaign": one.campaign, "step": one.step, "customer_id": one.client, "occurrence": str(n),
             "state": one.state, "recipient": one.recipient, "rule": "r",
             "kind": "transactional" if one.campaign == "receipt" else "marketing",
             **dict.fromkeys(("due_at", "expires_at", "next_at", "created_at", "settled_at"), _hour(one.hour))}
            for n, one in enumerate(sent)
        ]  # fmt: skip
        bought: list[dict[str, Any]] = [
            {"id": n + 1, "external_id": f"p{n}", "customer_id": one.client, "occurred_at": _hour(one.hour),
             "received_at": _hour(one.hour), "amount": None if one.value is None else Decimal(one.value),
             "currency": one.currency, "data": {}}
            for n, one in enumerate(came) if one.event == "purchase"
        ]  # fmt: skip
        visits = [
            {"id": n + 1, "external_id": f"e{n}", "customer_id": one.client, "occurred_at": _hour(one.hour),
             "received_at": _hour(one.hour), "name": one.event,
             "data": {} if one.value is None else {"score": one.value}}
            for n, one in enumerate(came) if one.event != "purchase"
        ]  # fmt: skip
        for table, rows in ((promises, mail), (purchases, bought), (events, visits)):
            if rows:
                connection.execute(insert(table), rows)


def _hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def _found(engine: Engine, now: int, since: int | None, until: int | None) -> GoalReport:
    bounds = [None if each is None else _hour(each) for each in (since, until)]
    with read(engine) as connection:
        return goal_report(connection, RULEBOOK, Period(_hour(now), *bounds))


def _check(engine: Engine, sent: Sequence[Email], came: Sequence[Happened], now: int, *bounds: int | None) -> None:
    _fill(engine, sent, came)
    found = _found(engine, now, *bounds)
    since, until = bounds
    own, last = model(sent, came, now, since, until)
    assert found.total == _reached(last)
    assert found.claimed == _reached(own)
    assert found.total.events == len({id(claim[3]) for claim in last}) <= len(came), "an event counts once at most"
    for key in KEYS:
        mail = [
            one for one in sent
            if one.campaign == key and one.state in ("sent", "uncertain") and one.recipient == "customer"
            and one.hour <= now and (since is None or one.hour >= since) and (until is None or one.hour < until)
        ]  # fmt: skip
        for place, goal in enumerate(_goals(key)):
            figures = [each for each in found.goals if (each.key, each.goal) == (key, goal)]
            assert len(figures) == (1 if mail else 0)
            if not mail:
                continue
            mine, latest = ([c for c in claims if c[:2] == (key, place)] for claims in (own, last))
            boxes = len({_mailbox(one.client) for one in mail})
            within = goal.within.total_seconds() / 3600
            still_open = sum(one.hour + within > now for one in mail)
            assert figures[0].whole == Part(len(mail), boxes, still_open, _reached(mine, goal), _reached(latest, goal))
            for step, part in figures[0].steps.items():
                of_step = [c for c in mine if c[2].step == step]
                assert part.claimed == _reached(of_step, goal, mailboxes=False)
                assert part.emails == sum(one.step == step for one in mail)
            for month, part in figures[0].months.items():
                here = [one for one in mail if _month(one.hour) == month]
                assert part.emails == len(here)
                assert part.claimed.events == sum(_month(c[2].hour) == month for c in mine)


def _month(hour: int) -> str:
    """By the clock of Tallinn, which is three hours ahead."""
    return f"{START + timedelta(hours=hour + 3):%Y-%m}"


histories = given(
    st.lists(emails, max_size=14), st.lists(happenings, max_size=10), st.integers(100, 300), instants, instants
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@histories
def test_sqlite_counts_as_python_does(
    sqlite_engine: Engine, sent: list[Email], came: list[Happened], now: int, since: int | None, until: int | None
) -> None:
    _check(sqlite_engine, sent, came, now, since, until)


@settings(quick, max_examples=20)
@histories
def test_postgresql_counts_as_python_does(
    postgres_engine: Engine, sent: list[Email], came: list[Happened], now: int, since: int | None, until: int | None
) -> None:
    _check(postgres_engine, sent, came, now, since, until)


@pytest.mark.parametrize("hour", [0, 1, 48, 49])
def test_a_goal_counts_after_the_email_and_to_the_end_of_its_time(sqlite_engine: Engine, hour: int) -> None:
    _fill(sqlite_engine, [Email("stated", "a", 2, 0, "sent", "customer")], [Happened("purchase", 3, hour, -7, None)])
    [figures] = _found(sqlite_engine, 200, None, None).goals
    counted = Reached(1, 1, {"EUR": Decimal(-7)}) if 0 < hour <= 48 else Reached()
    assert figures.whole == Part(1, 1, 0, counted, counted)
