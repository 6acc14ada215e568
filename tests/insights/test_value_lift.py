"""What a campaign added in money: the sums are those of plain Python, and the interval holds at every look."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from sqlalchemy import Engine, insert, select

from regulars.cli.effect_lines import value_lines
from regulars.db.engine import read, write
from regulars.db.tables import assignments, campaigns, customers
from regulars.insights.attribution import Period
from regulars.insights.goal_effects import goal_effects
from regulars.insights.intervals import Interval, always_valid_mean_difference
from regulars.insights.value_lift import ValueLift, Values
from tests.common import people
from tests.common.bench import at
from tests.common.rules import rules

DRAWN = at("2026-05-01T12:00")
NOW = at("2026-06-01T12:00")
RULE = {"on": "visit.done", "email": "a", "goal": "purchase within 14 days", "holdout": "50%"}


def _values(sums: list[Decimal], mailboxes: int) -> Values:
    x = [float(each) for each in sums]
    return Values(mailboxes, len(x), sum(x), sum(v**2 for v in x), sum(v**3 for v in x))


def test_sums_by_mailbox_are_those_of_plain_python(engine: Engine) -> None:
    dice = random.Random(4)
    wanted: dict[str, dict[str, list[Decimal]]] = {"EUR": {"written": [], "control": []}, "USD": {}}
    sizes = {"written": 0, "control": 0}
    with write(engine) as connection:
        row = {"key": "visit", "name": "visit", "rule": "r", "trigger": "t", "since": DRAWN, "applied_at": DRAWN}
        connection.execute(insert(campaigns), row)
        for number in range(60):
            arm = dice.choice(["written", "control"])
            one = people.add_customer(connection, f"a-{number}")
            # A second client of the mailbox, who buys too.
            two = people.add_customer(connection, f"b-{number}", email=f"a-{number}@client.example")
            box = connection.scalar(select(customers.c.email_hash).where(customers.c.id == one))
            draw = {"experiment": "visit", "mailbox": box, "arm": arm, "at": DRAWN, "customer_id": one}
            connection.execute(insert(assignments), draw)
            sizes[arm] += 1
            brought: dict[str, Decimal] = {}
            for _ in range(dice.randrange(4)):
                hours, amount = dice.randint(-48, 24 * 20), Decimal(dice.randint(-2000, 9000)) / 100
                currency = dice.choice(["EUR", "EUR", "USD"])
                when = DRAWN + timedelta(hours=hours)
                people.add_purchase(connection, dice.choice([one, two]), when, amount=amount, currency=currency)
                if 0 < hours <= 24 * 14:
                    brought[currency] = brought.get(currency, Decimal(0)) + amount
            for currency, amount in brought.items():
                wanted[currency].setdefault(arm, []).append(amount)
    with read(engine) as connection:
        (effect,) = goal_effects(connection, rules({"visit": RULE}).rulebook, Period(NOW))
    assert [each.currency for each in effect.values] == ["EUR", "USD"]
    for found in effect.values:
        for arm, group in (("written", found.written), ("control", found.control)):
            plain = _values(wanted[found.currency][arm], sizes[arm])
            assert (group.mailboxes, group.buyers) == (plain.mailboxes, plain.buyers)
            assert (group.total, group.squares, group.cubes) == pytest.approx((plain.total, plain.squares, plain.cubes))
    assert effect.to_json()["values"][0]["written"]["mailboxes"] == sizes["written"]


def test_moments_are_those_of_numpy() -> None:
    brought = np.array([0.0] * 90 + [10, 12, 15, 40, 900, -5, 30, 8, 9, 11])
    one = Values(100, 10, float(brought.sum()), float((brought**2).sum()), float((brought**3).sum()))
    assert one.mean == pytest.approx(brought.mean())
    assert one.variance == pytest.approx(brought.var(ddof=1))
    assert one.skewness == pytest.approx(((brought - brought.mean()) ** 3).mean() / brought.std() ** 3)
    assert (Values(1, 1, 5, 25, 125).variance, Values(2).skewness, Values().mean) == (0.0, 0.0, 0.0)


def test_the_interval_holds_at_every_look() -> None:
    """A tenth held out, one in ten buys, amounts of a gamma distribution: a true difference of 1 per mailbox."""
    dice = np.random.default_rng(7)
    missed, runs = 0, 200
    for _ in range(runs):
        brought = np.where(dice.random(8000) < 0.1, dice.gamma(2.0, 25.0, 8000), 0.0)
        control = dice.random(8000) < 0.2
        brought[~control] += 1.0
        wrong = False
        for look in range(400, 8001, 400):
            one, two = brought[:look][~control[:look]], brought[:look][control[:look]]
            gain = one.mean() - two.mean()
            sure = always_valid_mean_difference(
                gain, one.var(ddof=1), len(one), two.var(ddof=1), len(two), brought[:look].var(ddof=1)
            )
            wrong = wrong or not sure.low <= 1.0 <= sure.high
        missed += wrong
    assert missed <= runs * 0.05, f"{missed} of {runs} experiments excluded the truth at some look"
    assert always_valid_mean_difference(2.0, 0.0, 5, 0.0, 5, 0.0) == Interval(2.0, 2.0)


def _lift(written: Values, control: Values) -> ValueLift:
    return ValueLift("purchase within 14 days", "EUR", written, control)


def test_what_is_not_sure_is_said() -> None:
    assert _lift(Values(), Values()).warnings == []
    nobody = _lift(Values(10, 1, 5, 25, 125), Values())
    assert nobody.gain is None
    assert nobody.to_json()["interval"] is None
    assert [*value_lines("back", nobody)] == [
        "back: EUR for each mailbox: 0.50 of 10 written to, 0.00 of 0 held out; nothing to compare yet",
        "  too early to look at amounts: fewer than 5 of a group brought any",
    ]
    uneven = _lift(_values([Decimal(9)] * 50 + [Decimal(5000)], 900), _values([Decimal(9)] * 9, 100))
    (warning,) = uneven.warnings
    assert warning.startswith("early: amounts are so uneven that the smaller group needs about ")
    assert warning.endswith(" mailboxes, and has 100")
    even = _lift(_values([Decimal(9)] * 4000, 9000), _values([Decimal(9)] * 400, 1000))
    assert even.warnings == []
    assert even.added == pytest.approx(9000 * (4 - 3.6))
