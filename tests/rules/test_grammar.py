"""The phrases: each reads, prints, and reads again as the same; what is no phrase is refused in words."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regulars.rules import goal_rules, grammar
from regulars.rules.model import Campaign, Coupon, Policy, RuleTest
from regulars.rules.rule_test import TestPurchase


def local(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001  a client's own clock


UNITS = st.sampled_from(["minute", "hour", "day", "week", "month", "year"])
SPANS = st.builds(lambda n, unit: f"{n} {unit}s", st.integers(1, 90), UNITS)


@given(st.integers(1, 99), SPANS)
def test_a_cap_reads_as_it_prints(count: int, span: str) -> None:
    cap = grammar.Cap.parse(f"{count} per {span}")
    assert grammar.Cap.parse(str(cap)) == cap


@given(st.integers(1, 99), st.sampled_from(["year", "month"]), st.integers(0, 99), st.sampled_from(["before", "after"]))
def test_a_repeating_date_reads_as_it_prints(count: int, unit: str, days: int, side: str) -> None:
    every = grammar.Every.parse(f"{count} {unit}s since customer.birthday, {days} days {side}")
    assert every.months == count * (12 if unit == "year" else 1)
    assert every.offset == (-days if side == "before" else days)
    assert grammar.Every.parse(str(every)) == every


@given(SPANS)
def test_goals_and_pauses_read_as_they_print(span: str) -> None:
    goal = goal_rules.Goal.parse(f"meeting.completed within {span}")
    assert goal_rules.Goal.parse(str(goal)) == goal
    again = grammar.Again.parse(f"after {span}")
    assert grammar.Again.parse(str(again)) == again


@pytest.mark.parametrize("text", ["never", "always"])
def test_again_in_a_word(text: str) -> None:
    assert str(grammar.Again.parse(text)) == text


@pytest.mark.parametrize("text", ["none", "all", "since 2026-01-31"])
def test_a_backfill_reads_as_it_prints(text: str) -> None:
    assert str(grammar.Backfill.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "first"),
    {
        "daily at 9:05": local(2026, 1, 15, 9, 5),
        "weekly on sunday at 10:00": local(2026, 1, 18, 10),
        "monthly on 1 at 10:00": local(2026, 2, 1, 10),
        "monthly on last day at 10:00": local(2026, 1, 31, 10),
        "monthly on first monday at 10:00": local(2026, 2, 2, 10),
        "monthly on last friday at 10:00": local(2026, 1, 30, 10),
        "quarterly on 1 at 9:00": local(2026, 4, 1, 9),
        "quarterly on second tuesday at 9:00": local(2026, 4, 14, 9),
        "yearly on 24 december at 9:00": local(2026, 12, 24, 9),
        "yearly on 29 february at 9:00": local(2028, 2, 29, 9),
        "30 8 * * 1-5": local(2026, 1, 15, 8, 30),
    }.items(),
)
def test_a_schedule_fires_first(text: str, first: datetime) -> None:
    schedule = grammar.Schedule.parse(text)
    assert str(schedule) == text
    assert schedule.between(local(2026, 1, 15, 0, 0), local(2029, 1, 1))[0] == first


def test_a_schedule_counts_its_end_and_not_its_beginning() -> None:
    schedule = grammar.Schedule.parse("daily at 9:00")
    nine = local(2026, 1, 15, 9)
    assert schedule.between(nine, nine + timedelta(days=1)) == [nine + timedelta(days=1)]
    assert schedule.between(nine, nine + timedelta(hours=23)) == []


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (grammar.Schedule.parse, "weekly on someday at 10:00"),
        (grammar.Schedule.parse, "weekly at 10:00"),
        (grammar.Schedule.parse, "daily at 25:00"),
        (grammar.Schedule.parse, "*/5 * * * *"),
        (grammar.Schedule.parse, "0 9 * *"),
        (grammar.Every.parse, "0 years since customer.birthday"),
        (grammar.Every.parse, "day since customer.birthday"),
        (grammar.Every.parse, "year since customer.birthday, 3 days"),
        (grammar.Cap.parse, "0 per 7 days"),
        (grammar.Cap.parse, "2 per week"),
        (goal_rules.Goal.parse, "within 3 days"),
        (grammar.Again.parse, "365 days"),
        (grammar.Backfill.parse, "since 2026-02-30"),
        (grammar.Backfill.parse, "since yesterday"),
        (grammar.window, "20:00"),
        (grammar.window, "20:00-25:00"),
        (grammar.clock, "9.30"),
        (grammar.duration, "101 years"),
        (grammar.duration, "-1 days"),
        (grammar.deadline, "2 hours"),
        (grammar.deadline, "within a while"),
        (grammar.share, "100%"),
        (grammar.share, "ten%"),
        (grammar.moment, "tomorrow"),
        (grammar.moment, "2026-12-24T09:00Z"),
        (grammar.stamp, "10:00"),
        (grammar.stamp, "2026-1-5"),
    ],
)
def test_what_is_no_phrase_is_refused_in_words(read: object, text: str) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=r"`.*`"):
        read(text)


def test_times_of_a_test() -> None:
    test = RuleTest.model_validate(
        {
            "name": "x",
            "customer": {"locale": "uk", "purchases": ["2026-01-10", {"at": "2026-02-08 18:30", "amount": "30"}]},
            "events": [{"name": "visit", "at": "2026-06-10T15:00"}],
            "since": "2026-01-01",
            "on": "2026-06-10",
        }
    )
    assert test.customer == {"locale": "uk"}
    assert test.purchases == (
        TestPurchase(at="2026-01-10"),
        TestPurchase(at="2026-02-08 18:30", amount=Decimal(30)),
    )
    assert [p.moment for p in test.purchases] == [local(2026, 1, 10, 12), local(2026, 2, 8, 18, 30)]
    assert test.events[0].moment == local(2026, 6, 10, 15)
    assert test.until == local(2026, 6, 10, 23, 59, 59)
    assert test.in_force == local(2026, 1, 1)
    assert RuleTest(name="x", on="2026-06-10 08:00").until == local(2026, 6, 10, 8)
    assert RuleTest(name="x", on="2026-06-10").in_force is None


def test_a_campaign_made_in_code_is_held_to_the_same_rules() -> None:
    for wrong in (
        {"email": "x"},
        {"on": "purchase"},
        {"on": "purchase", "email": "x", "steps": [{"email": "y"}]},
        {"on": "purchase", "when": "true", "email": "x"},
        {"on": "purchase", "steps": [{"email": "x"}, {"email": "x"}]},
    ):
        with pytest.raises(ValueError, match=r"campaign has|two steps"):
            Campaign.model_validate(wrong)
    with pytest.raises(ValueError, match="exactly one"):
        Coupon()
    for both in (
        {"shared": "ABC", "pool": "x"}, {"pool": "x", "prefix": "A"}, {"valid": "1 day", "until": "2026-01-01"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="not both"):
            Coupon.model_validate({"percent": 5, **both})
    with pytest.raises(ValueError, match="before it begins"):
        Coupon.model_validate({"percent": 5, "from": "2026-02-01", "until": "2026-01-31"})


def test_how_long_a_coupon_holds() -> None:
    now, zone = datetime(2026, 6, 10, 12, tzinfo=UTC), "Europe/Chisinau"
    assert Coupon(percent=5).window(now, zone) == (now, datetime(2026, 6, 24, 20, 59, 59, tzinfo=UTC))
    june = Coupon.model_validate({"percent": 5, "from": "2026-06-01", "until": "2026-06-30"})
    assert june.window(now, zone) == (now, datetime(2026, 6, 30, 20, 59, 59, tzinfo=UTC))
    later = Coupon.model_validate({"percent": 5, "from": "2026-06-15", "valid": "1 day"})
    begins = datetime(2026, 6, 14, 21, tzinfo=UTC)
    assert later.window(now, zone) == (begins, datetime(2026, 6, 16, 20, 59, 59, tzinfo=UTC))


def test_what_a_campaign_says_of_itself() -> None:
    policy = Policy(late=timedelta(days=2), send_at=time(9))
    once = Campaign.model_validate({"when": "true", "email": "x", "send": "within 2 hours"})
    assert once.max_lateness(policy) == timedelta(hours=2)
    assert once.reentry.after is None
    each = Campaign.model_validate({"on": "purchase", "email": "x", "late": "1 day", "at": None})
    assert each.max_lateness(policy) == timedelta(days=1)
    assert each.reentry.after == timedelta()
    assert Campaign.model_validate({"at": "2026-12-24 09:00", "email": "x"}).at == (local(2026, 12, 24, 9),)
    assert Campaign(on="purchase", email="x").max_lateness(policy) == policy.late


def test_the_room_needs_no_database_templates_or_network() -> None:
    code = (
        "import sys, regulars.rules.loader, regulars.rules.schema\n"
        "heavy = {'sqlalchemy', 'jinja2', 'babel', 'celery', 'email_validator', 'dns'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
