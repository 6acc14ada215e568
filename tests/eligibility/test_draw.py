"""The draw of a holdout: last of all checks, by mailbox, written once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, update

from regulars.consent.data_export import export
from regulars.consent.rights import erase, withdraw
from regulars.context.active_campaign import load_active_campaigns
from regulars.core import ids
from regulars.core.ids import address_hash
from regulars.db.engine import dry_run, write
from regulars.db.tables import assignments, customers, preferences, promises
from regulars.eligibility.draw import is_held_out
from regulars.ledger.assignments import Arm
from regulars.planner.plan import plan
from regulars.profile import facts
from tests.common.bench import Bench, at
from tests.common.effort import share
from tests.common.people import SECRET, add_customer, add_event
from tests.common.rules import Rules, rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail"}
HELD_OUT = ("skipped", "holdout")


def _visit(bench: Bench, names: list[str], when: str, **fields: Any) -> dict[str, int]:
    with write(bench.engine) as connection:
        known = {row.external_id: row.id for row in connection.execute(select(customers))}
        keys = {name: known.get(name) or add_customer(connection, name, **fields) for name in names}
        for key in keys.values():
            add_event(connection, key, "visit.done", when)
    return keys


def _side(experiment: str, share_: int, *, control: bool, count: int = 1, prefix: str = "c") -> list[str]:
    """Names of clients whom the draw puts into the group."""
    names = (f"{prefix}{number}" for number in range(10_000))
    fitting = (name for name in names if (ids.share(ids.bucket(name), experiment) < share_) is control)
    return [next(fitting) for _ in range(count)]


def _drawn(bench: Bench) -> dict[tuple[str, str], str]:
    with write(bench.engine) as connection:
        return {(r.experiment, r.mailbox): r.arm for r in connection.execute(select(assignments))}


def _verdicts(bench: Bench) -> dict[tuple[str, str], tuple[str, str | None]]:
    return {(r["customer"], r["campaign"]): (r["state"], r["reason"]) for r in bench.ledger()}


def test_who_may_not_be_written_to_is_in_neither_group(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    gone, kept = _side("news", 5000, control=True, count=2)
    (written,) = _side("news", 5000, control=False)
    keys = _visit(bench, [gone, kept, written], "2026-06-10T12:00")
    with write(bench.engine) as connection:
        connection.execute(update(customers).where(customers.c.id == keys[gone]).values(email=None, email_hash=None))
    bench.plan("2026-06-10T12:01")
    assert _verdicts(bench) == {
        (gone, "news"): ("skipped", "no-address"), (kept, "news"): HELD_OUT, (written, "news"): ("planned", None),
    }  # fmt: skip
    mailboxes = {name: address_hash(f"{name}@client.example", SECRET) for name in (kept, written)}
    assert _drawn(bench) == {("news", mailboxes[kept]): "control", ("news", mailboxes[written]): "written"}


def test_the_night_is_waited_for_before_the_draw(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}}, policy={"quiet_hours": "20:00-09:00"})
    bench.plan("2026-06-10T11:00")
    (name,) = _side("news", 5000, control=True)
    _visit(bench, [name], "2026-06-10T22:00")
    bench.plan("2026-06-10T22:01")
    assert (_verdicts(bench), _drawn(bench)) == ({(name, "news"): ("held", "quiet-hours")}, {})
    bench.plan("2026-06-11T09:00")
    assert _verdicts(bench) == {(name, "news"): HELD_OUT}
    with write(bench.engine) as connection:
        assert connection.scalar(select(assignments.c.at)) == at("2026-06-11T09:00")


def test_the_held_out_take_no_place_under_the_cap_and_the_next_gets_it_at_once(bench: Bench) -> None:
    campaigns = {"top": VISIT | {"priority": 9, "holdout": "50%"}, "low": VISIT, "last": VISIT | {"priority": -1}}
    bench.rules = rules(campaigns, policy={"cap": "1 per 7 days"})
    bench.plan("2026-06-10T11:00")
    (out,), (written,) = (_side("top", 5000, control=control) for control in (True, False))
    _visit(bench, [out, written], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    assert _verdicts(bench) == {
        (out, "top"): HELD_OUT, (out, "low"): ("planned", None), (out, "last"): ("skipped", "cap"),
        (written, "top"): ("planned", None), (written, "low"): ("skipped", "cap"),
        (written, "last"): ("skipped", "cap"),
    }  # fmt: skip
    winners = {row["customer"]: row["detail"] for row in bench.ledger("skipped") if row["campaign"] == "last"}
    assert winners == {out: "low", written: "top"}


def test_who_has_no_place_under_the_cap_is_not_drawn(bench: Bench) -> None:
    bench.rules = rules(
        {"top": VISIT | {"priority": 9}, "low": VISIT | {"holdout": "50%"}}, policy={"cap": "1 per 7 days"}
    )
    bench.plan("2026-06-10T11:00")
    (name,) = _side("low", 5000, control=True)
    _visit(bench, [name], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    assert _verdicts(bench) == {(name, "top"): ("planned", None), (name, "low"): ("skipped", "cap")}
    assert _drawn(bench) == {}


def test_the_held_out_get_no_coupon_of_a_small_stock(bench: Bench) -> None:
    offer = {"coupon": {"percent": 10, "stock": 1}}
    bench.rules = rules({"gift": VISIT | {"holdout": "50%", "offer": offer}})
    bench.plan("2026-06-10T11:00")
    (out,), written = _side("gift", 5000, control=True), _side("gift", 5000, control=False, count=2)
    for minute, name in enumerate([out, *written]):
        _visit(bench, [name], f"2026-06-10T12:0{minute}")
    bench.plan("2026-06-10T12:05")
    assert _verdicts(bench) == {
        (out, "gift"): HELD_OUT, (written[0], "gift"): ("planned", None), (written[1], "gift"): ("held", "no-coupon"),
    }  # fmt: skip


def test_who_wants_fewer_emails_gets_the_next_in_order_when_held_out_of_the_first(bench: Bench) -> None:
    bench.rules = rules(
        {"top": VISIT | {"priority": 9, "holdout": "50%"}, "low": VISIT, "last": VISIT | {"priority": -1}}
    )
    bench.plan("2026-06-10T11:00")
    (out,) = _side("top", 5000, control=True)
    keys = _visit(bench, [out], "2026-06-10T12:00")
    with write(bench.engine) as connection:
        wish = {"customer_id": keys[out], "at": at("2026-06-01T12:00"), "gap_days": 7}
        connection.execute(insert(preferences).values(wish))
    bench.plan("2026-06-10T12:01")
    assert _verdicts(bench) == {
        (out, "top"): HELD_OUT, (out, "low"): ("planned", None), (out, "last"): ("skipped", "cap"),
    }  # fmt: skip


def test_the_data_of_a_person_name_the_groups_which_outlive_erasure(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    (out,) = _side("news", 5000, control=True)
    keys = _visit(bench, [out], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    drawn = _drawn(bench)
    with write(bench.engine) as connection:
        expected = {"experiment": "news", "arm": "control", "at": at("2026-06-10T12:01").isoformat()}
        assert export(connection, keys[out])["experiments"] == [expected]
        erase(connection, keys[out], at("2026-06-11T12:00"))
    assert drawn == _drawn(bench) == {("news", address_hash(f"{out}@client.example", SECRET)): "control"}


def test_what_was_drawn_decides_for_ever(bench: Bench) -> None:
    """Whatever the share is now; a campaign without a holdout holds nobody out."""
    campaign = VISIT | {"again": "always"}
    bench.rules = rules({"news": campaign | {"holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    (out,), (written,) = (_side("news", 5000, control=control) for control in (True, False))
    outcomes = []
    for day, holdout in (("10", "50%"), ("11", "1%"), ("12", "99%"), ("13", "0%"), ("14", "50%")):
        bench.rules = rules({"news": campaign | {"holdout": holdout}})
        _visit(bench, [out, written], f"2026-06-{day}T12:00")
        bench.send(f"2026-06-{day}T12:01")
        today = [row for row in bench.ledger() if row["due_at"] == at(f"2026-06-{day}T12:00")]
        outcomes.append({row["customer"]: row["state"] for row in today})
    both = {out: "skipped", written: "sent"}
    assert outcomes == [both, both, both, {out: "sent", written: "sent"}, both]


def test_clients_with_one_mailbox_are_in_one_group(bench: Bench) -> None:
    """By the least of their numbers, whoever comes first."""
    bench.rules = rules({"news": VISIT | {"holdout": "50%", "kind": "transactional"}})
    bench.plan("2026-06-10T11:00")
    names = [*_side("news", 5000, control=True, count=3), *_side("news", 5000, control=False, count=3)]
    least = min(ids.bucket(name) for name in names)
    expected = HELD_OUT if ids.share(least, "news") < 5000 else ("planned", None)
    _visit(bench, names, "2026-06-10T12:00", email="Family@client.example")
    bench.plan("2026-06-10T12:01")
    assert set(_verdicts(bench).values()) == {expected}
    assert len(_drawn(bench)) == 1


def test_who_moves_to_another_address_keeps_the_group(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    (out,) = _side("news", 5000, control=True)
    keys = _visit(bench, [out], "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    with write(bench.engine) as connection:
        mark = address_hash("new@client.example", SECRET)
        moved = update(customers).where(customers.c.id == keys[out])
        connection.execute(moved.values(email="new@client.example", email_hash=mark))
    bench.rules = rules({"news": VISIT | {"holdout": "0.01%"}})  # drawn anew, they would be written to
    _visit(bench, [out], "2026-06-11T12:00")
    bench.plan("2026-06-11T12:01")
    assert [row["reason"] for row in bench.ledger()] == ["holdout", "holdout"]
    with write(bench.engine) as connection:
        rows = connection.execute(select(assignments.c.mailbox, assignments.c.at)).all()
    assert {row.at for row in rows} == {at("2026-06-10T12:01")}
    assert mark in {row.mailbox for row in rows}


def test_a_sequence_that_began_before_there_was_a_holdout_goes_on(bench: Bench) -> None:
    steps = {"on": "visit.done", "steps": [{"email": "a"}, {"email": "b", "wait": "1 day"}]}
    bench.rules = rules({"news": steps})
    bench.plan("2026-06-10T11:00")
    (name,) = _side("news", 9000, control=True)
    _visit(bench, [name], "2026-06-10T12:00")
    bench.send("2026-06-10T12:01")
    bench.rules = rules({"news": steps | {"holdout": "90%"}})
    assert [step for _, _, step in bench.send("2026-06-11T12:01")] == ["b"]
    assert _drawn(bench) == {}


def test_a_sequence_is_drawn_at_the_first_email_that_would_go(bench: Bench) -> None:
    steps = [{"email": "a", "if": "customer.country == 'EE'"}, {"email": "b"}, {"email": "c"}]
    bench.rules = rules({"news": {"on": "visit.done", "steps": steps, "holdout": "50%"}})
    bench.plan("2026-06-10T11:00")
    (out,), (written,) = (_side("news", 5000, control=control) for control in (True, False))
    _visit(bench, [out, written], "2026-06-10T12:00")
    for minute in range(1, 5):
        bench.send(f"2026-06-10T12:0{minute}")
    decided = {(r["customer"], r["step"]): (r["state"], r["reason"]) for r in bench.ledger()}
    assert decided == {
        (out, "a"): ("skipped", "step-condition"), (out, "b"): HELD_OUT,
        (written, "a"): ("skipped", "step-condition"), (written, "b"): ("sent", None), (written, "c"): ("sent", None),
    }  # fmt: skip


def test_explain_says_who_is_or_would_be_held_out(bench: Bench) -> None:
    bench.rules = rules({"news": VISIT | {"holdout": "50%"}, "all": VISIT})
    bench.plan("2026-06-10T11:00")
    (out,), (written,) = (_side("news", 5000, control=control) for control in (True, False))
    keys = _visit(bench, [out, written], "2026-06-10T12:00")
    with dry_run(bench.engine) as connection:
        active = load_active_campaigns(connection, bench.rules.rulebook)
        assert is_held_out(connection, active["news"], keys[out])
        assert not is_held_out(connection, active["news"], keys[written])
        assert not is_held_out(connection, active["all"], keys[out])
    bench.plan("2026-06-10T12:01")
    with dry_run(bench.engine) as connection:
        connection.execute(update(assignments).values(arm=Arm.WRITTEN))
        assert not is_held_out(connection, active["news"], keys[out])


DAYS = 12


@pytest.mark.slow
@settings(max_examples=share(3), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    holdouts=st.lists(st.sampled_from(["0%", "20%", "50%", "80%"]), min_size=2, max_size=4),
    cap=st.sampled_from([(1, 3), (1, 7), (2, 5)]),
    visits=st.lists(st.tuples(st.integers(0, DAYS - 1), st.integers(0, 7)), min_size=5, max_size=40),
    refused=st.sets(st.integers(0, 7), max_size=2),
    late=st.sampled_from(["2 days", "9 days"]),
)
def test_a_holdout_never_brings_a_mailbox_over_the_cap_nor_into_two_groups(
    sqlite_engine: Engine, holdouts: list[str], cap: tuple[int, int], visits: list[tuple[int, int]], refused: set[int],
    late: str,
) -> None:  # fmt: skip
    """Eight clients at five mailboxes; a mailbox never gets more than the cap, and one arm decides for each."""
    campaigns = {
        f"r{place}": VISIT | {"holdout": holdout, "priority": place, "late": late}
        for place, holdout in enumerate(holdouts)
    }
    with dry_run(sqlite_engine) as connection:
        _live_through(connection, rules(campaigns, policy={"cap": f"{cap[0]} per {cap[1]} days"}), cap, visits, refused)


def _live_through(
    connection: Connection, given_rules: Rules, cap: tuple[int, int], visits: list[tuple[int, int]], refused: set[int]
) -> None:
    begin = at("2026-06-01T00:00")
    clients = [add_customer(connection, f"c{n}", email=f"box{n % 5}@client.example") for n in range(8)]
    for number in refused:
        withdraw(connection, clients[number], "marketing", at=begin, source="test")
    plan(connection, given_rules, begin)
    for day in range(DAYS):
        for number in [number for when, number in visits if when == day]:
            add_event(connection, clients[number], "visit.done", begin + timedelta(days=day, hours=11))
        facts.refresh(connection)
        now = begin + timedelta(days=day, hours=12)
        plan(connection, given_rules, now)
        going = update(promises).where(promises.c.state == "planned")
        connection.execute(going.values(state="sent", settled_at=now))
    columns = (customers.c.email_hash, promises.c.campaign, promises.c.state, promises.c.reason, promises.c.settled_at)
    rows = connection.execute(select(*columns).join(customers, customers.c.id == promises.c.customer_id)).all()
    sent: dict[str, list[Any]] = {}
    for row in rows:
        if row.state == "sent":
            sent.setdefault(row.email_hash, []).append(row.settled_at)
    for instants in sent.values():
        instants.sort()
        crowded = zip(instants, instants[cap[0] :], strict=False)
        assert all(later - earlier >= timedelta(days=cap[1]) for earlier, later in crowded)
    arms = {(r.experiment, r.mailbox): r.arm for r in connection.execute(select(assignments))}
    measured = {name for name, campaign in given_rules.rulebook.campaigns.items() if campaign.holdout}
    for row in rows:
        if row.campaign in measured and row.state == "sent":
            assert arms[row.campaign, row.email_hash] == Arm.WRITTEN
        if row.reason == "holdout":
            assert arms[row.campaign, row.email_hash] == Arm.CONTROL
