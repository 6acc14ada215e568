"""Variants with steps of their own: each mailbox goes the way of its variant, whatever happens to the rule."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from scipy.stats import chisquare
from sqlalchemy import func, select, update

from regulars.consent.merge import merge_clients
from regulars.core import ids
from regulars.db.engine import read, write
from regulars.db.tables import assignments, customers, decisions, promises
from regulars.ledger.arms import arm_by_bucket, variant_by_bucket
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event, add_purchase
from tests.common.rules import rules
from tests.eligibility.test_variants import crowd

LONG: list[Any] = [
    {"email": "long"},
    {"id": "bought", "wait_for": "purchase within 3 days", "else": [{"email": "reminder"}]},
]
TWO: list[dict[str, Any]] = [{"name": "plain"}, {"name": "long", "steps": LONG}]
NEWS: dict[str, Any] = {"on": "visit.done", "email": "news", "variants": TWO, "goal": "purchase within 14 days"}
HOLDOUT = {**NEWS, "holdout": "20%"}


def _open(bench: Bench, campaign: dict[str, Any], when: str = "2026-06-01T00:00", **more: Any) -> None:
    bench.rules = rules({"seq": campaign}, **more)
    bench.plan(when)


def _visit(bench: Bench, names: list[str], when: str) -> None:
    with write(bench.engine) as connection:
        known = dict(connection.execute(select(customers.c.external_id, customers.c.id)).all())
        for name in names:
            add_event(connection, known.get(name) or add_customer(connection, name), "visit.done", when)


def _variant(bench: Bench, name: str) -> str | None:
    assert bench.rules is not None
    return variant_by_bucket(ids.bucket(name), "seq", bench.rules.rulebook.campaigns["seq"])


def _names(bench: Bench, variant: str, count: int = 3) -> list[str]:
    """Clients of whom the draw is known."""
    return [name for name in (f"c{number}" for number in range(200)) if _variant(bench, name) == variant][:count]


def test_each_client_goes_the_way_of_their_variant(bench: Bench) -> None:
    _open(bench, NEWS)
    plain, long = _names(bench, "plain"), _names(bench, "long")
    _visit(bench, [*plain, *long], "2026-06-01T10:00")
    sent = bench.send("2026-06-01T10:01")
    assert sorted(sent) == sorted([*((n, "seq", "news") for n in plain), *((n, "seq", "long") for n in long)])
    with write(bench.engine) as connection:
        buyer = connection.scalars(select(customers.c.id).where(customers.c.external_id == long[0])).one()
        add_purchase(connection, buyer, "2026-06-02T09:00")
    assert bench.send("2026-06-03T10:01") == []
    assert sorted(bench.send("2026-06-04T10:01")) == sorted((n, "seq", "reminder") for n in long[1:])
    assert bench.send("2026-07-04T10:01") == []


def test_shares_are_what_chance_allows_and_equal_to_the_draw_in_python(bench: Bench) -> None:
    _open(bench, HOLDOUT)
    crowd(bench, 4_000, "2026-06-01T10:00")
    bench.plan("2026-06-01T10:01")
    assert bench.rules is not None
    campaign = bench.rules.rulebook.campaigns["seq"]
    with read(bench.engine) as connection:
        drawn = dict(
            connection.execute(
                select(customers.c.external_id, assignments.c.arm).join(
                    assignments, assignments.c.mailbox == customers.c.email_hash
                )
            ).all()
        )
        branches = dict(
            connection.execute(
                select(customers.c.external_id, decisions.c.branch)
                .join(decisions, decisions.c.customer_id == customers.c.id)
                .where(decisions.c.step == "~variants")
            ).all()
        )
        held_out = connection.scalar(select(func.count()).where(promises.c.reason == "holdout"))
    assert drawn == {name: arm_by_bucket(ids.bucket(name), "seq", campaign) for name in drawn}
    assert len(drawn) == 4_000
    counts = Counter(drawn.values())
    assert chisquare([counts["plain"], counts["long"], counts["control"]], [1600, 1600, 800]).pvalue > 0.001
    for name, branch in branches.items():
        wanted = variant_by_bucket(ids.bucket(name), "seq", campaign)
        assert branch == ("long" if wanted == "long" else "~common")
    assert held_out == counts["control"]


def test_the_same_way_after_another_event_an_edit_of_the_shares_and_a_merge(bench: Bench) -> None:
    _open(bench, NEWS)
    plain, long = _names(bench, "plain", 2), _names(bench, "long", 2)
    _visit(bench, [*plain, *long], "2026-06-01T10:00")
    bench.send("2026-06-01T10:01")
    _open(bench, {**NEWS, "variants": [{**TWO[0], "share": "1%"}, {**TWO[1], "share": "99%"}]}, "2026-06-10T00:00")
    with write(bench.engine) as connection:
        other = add_customer(connection, "other")
        kept = connection.scalars(select(customers.c.id).where(customers.c.external_id == plain[0])).one()
        merge_clients(connection, kept, other, now=at("2026-06-10T01:00"), by="test")
    _visit(bench, [*plain, *long], "2026-06-11T10:00")
    sent = [row for row in bench.send("2026-06-11T10:01") if row[2] != "reminder"]
    assert sorted(sent) == sorted([*((n, "seq", "news") for n in plain), *((n, "seq", "long") for n in long)])


def test_another_client_of_the_mailbox_goes_the_same_way(bench: Bench) -> None:
    _open(bench, NEWS)
    (long,), (plain,) = _names(bench, "long", 1), _names(bench, "plain", 1)
    _visit(bench, [long], "2026-06-01T10:00")
    bench.send("2026-06-01T10:01")
    _visit(bench, [plain], "2026-06-20T10:00")
    with write(bench.engine) as connection:
        address = connection.execute(
            select(customers.c.email, customers.c.email_hash).where(customers.c.external_id == long)
        ).one()
        same = {"email": address.email, "email_hash": address.email_hash}
        connection.execute(update(customers).where(customers.c.external_id == plain).values(same))
    assert [row for row in bench.send("2026-06-20T10:01") if row[0] == plain] == [(plain, "seq", "long")]


def test_edits_of_the_ways_mail_nobody_again(bench: Bench) -> None:
    _open(bench, {key: NEWS[key] for key in ("on", "email", "goal")})
    _visit(bench, ["ada", "bo", "cy", "di"], "2026-06-01T10:00")
    assert len(bench.send("2026-06-01T10:01")) == 4
    _open(bench, NEWS, "2026-06-01T11:00")  # a way is added: who is past the begin is not sent along it
    assert bench.send("2026-06-01T11:01") == []
    longs = _names(bench, "long")
    _visit(bench, longs, "2026-06-02T10:00")
    assert len(bench.send("2026-06-02T10:01")) == 3
    turned = {**NEWS, "variants": [{"name": "long", "steps": [*LONG, {"email": "last", "wait": "1 day"}]}, TWO[0]]}
    _open(bench, turned, "2026-06-02T11:00")  # reordered, and a step more at the end
    assert bench.send("2026-06-02T11:01") == []
    assert sorted(bench.send("2026-06-05T10:01")) == sorted((name, "seq", "reminder") for name in longs)
    _open(bench, {key: NEWS[key] for key in ("on", "email", "goal")}, "2026-06-05T11:00")  # the way is removed
    assert bench.send("2026-06-05T11:01") == []
    assert bench.send("2026-07-05T11:01") == []


@pytest.mark.parametrize("holdout", ["0%", "50%"])
def test_an_email_held_before_a_way_was_added_counts_for_no_group(bench: Bench, holdout: str) -> None:
    night: dict[str, Any] = {"policy": {"quiet_hours": "22:00-08:00"}}
    ways = {**NEWS, "holdout": holdout}
    _open(bench, ways, **night)
    longs = _names(bench, "long", 8)
    without = {key: NEWS[key] for key in ("on", "email", "goal")}
    _open(bench, without, "2026-06-01T00:10", **night)
    _visit(bench, longs, "2026-06-01T23:30")
    assert bench.send("2026-06-01T23:31") == []
    _open(bench, ways, "2026-06-02T00:30", **night)
    assert sorted(bench.send("2026-06-02T10:00")) == sorted((name, "seq", "news") for name in longs)
    with read(bench.engine) as connection:
        assert list(connection.scalars(select(assignments.c.arm))) == ["written"] * len(longs)
    _visit(bench, longs, "2026-06-20T10:00")  # who is in no comparison gets the campaign as it is, again and again
    assert sorted(bench.send("2026-06-20T10:01")) == sorted((name, "seq", "news") for name in longs)


def test_edits_inside_a_way_mail_nobody_again(bench: Bench) -> None:
    _open(bench, NEWS)
    longs = _names(bench, "long")
    _visit(bench, longs, "2026-06-01T10:00")
    assert len(bench.send("2026-06-01T10:01")) == 3
    before = {**NEWS, "variants": [TWO[0], {"name": "long", "steps": [{"email": "hello"}, *LONG]}]}
    _open(bench, before, "2026-06-01T11:00")
    assert bench.send("2026-06-01T11:01") == []
    assert sorted(bench.send("2026-06-04T10:01")) == sorted((name, "seq", "reminder") for name in longs)
    _open(bench, {**NEWS, "variants": [TWO[0], {"name": "long", "steps": LONG[1:]}]}, "2026-06-05T11:00")
    assert bench.send("2026-06-05T11:01") == []
    assert bench.send("2026-07-05T11:01") == []


def test_all_variants_have_own_steps_and_the_campaign_none(bench: Bench) -> None:
    ways = [{"name": "one", "steps": [{"email": "one"}]}, {"name": "long", "steps": LONG}]
    _open(bench, {"on": "visit.done", "variants": ways, "goal": "purchase within 14 days"})
    names = [f"c{number}" for number in range(20)]
    _visit(bench, names, "2026-06-01T10:00")
    sent = bench.send("2026-06-01T10:01")
    assert {(name, step) for name, _, step in sent} == {(name, _variant(bench, name)) for name in names}


def test_who_is_held_out_of_all_marketing_is_in_no_group(bench: Bench) -> None:
    _open(bench, NEWS, policy={"holdout": "50%"})
    names = [f"c{number}" for number in range(40)]
    _visit(bench, names, "2026-06-01T10:00")
    sent = bench.send("2026-06-01T10:01")
    with read(bench.engine) as connection:
        of = {
            experiment: set(
                connection.scalars(select(assignments.c.customer_id).where(assignments.c.experiment == experiment))
            )
            for experiment in ("seq", "policy.holdout")
        }
        control = set(
            connection.scalars(
                select(assignments.c.customer_id).where(
                    assignments.c.experiment == "policy.holdout", assignments.c.arm == "control"
                )
            )
        )
    assert 0 < len(sent) < 40
    assert len(of["policy.holdout"]) == 40
    assert of["seq"] == of["policy.holdout"] - control
    assert len(sent) == len(of["seq"])
