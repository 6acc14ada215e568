"""The report counts every promise once, and measures what a campaign changes."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import Engine, Integer, Text, cast, func, insert, select, update

from regulars.core import ids
from regulars.coupons.redemption import Use, redeem
from regulars.db.engine import read, write
from regulars.db.tables import assignments, campaigns, coupons, hits, promises
from regulars.insights.campaign_report import Coupons, Report, report
from regulars.insights.link_responses import MOST_LINKS, GradeCounts, LinkReport
from tests.common import people
from tests.common.bench import Bench, at
from tests.common.rules import rules

COUNTING = {"tracking": {"clicks": True}}
NOW = at("2026-06-01T12:00")
STATES = [
    ("planned", None), ("held", "quiet-hours"), ("held", "cap"), ("sent", None),
    ("failed", "refused"), ("uncertain", "worker-lost"), ("bounced", None), ("skipped", "late"), ("skipped", "holdout"),
]  # fmt: skip


def _promise(bench: Bench, customer: int, state: str, reason: str | None, at_: str, campaign: str = "visit") -> None:
    ended = state not in ("planned", "held")
    when = at(at_)
    with write(bench.engine) as connection:
        number = len(connection.scalars(select(promises.c.id)).all())
        connection.execute(
            insert(promises).values(
                campaign=campaign, step="a", customer_id=customer, occurrence=f"o-{number}", state=state, reason=reason,
                kind="marketing", rule="r", due_at=when, expires_at=when + timedelta(days=2), next_at=when,
                created_at=when, settled_at=when if ended else None,
            )
        )  # fmt: skip


def _draw(bench: Bench, customer: int, arm: str, at_: str) -> None:
    row = {"experiment": "visit", "mailbox": f"{customer} {at_}", "arm": arm, "at": at(at_), "customer_id": customer}
    with write(bench.engine) as connection:
        connection.execute(insert(assignments).values(row))


def _report(bench: Bench, **period: object) -> Report:
    assert bench.rules is not None
    with read(bench.engine) as connection:
        return report(connection, bench.rules.rulebook, NOW, **period)  # type: ignore[arg-type]


@pytest.fixture
def bench(engine: Engine) -> Bench:
    found = Bench(engine)
    found.rules = rules({"visit": {"on": "visit.done", "email": "a"}, "idle": {"on": "purchase", "email": "b"}})
    found.plan("2026-01-01T00:00")
    return found


def test_every_state_is_counted_and_adds_up(bench: Bench) -> None:
    with write(bench.engine) as connection:
        ada = people.add_customer(connection, "ada")
    for state, reason in STATES * 2:
        _promise(bench, ada, state, reason, "2026-05-01T12:00")
    found = _report(bench)
    assert found.to_json() == {
        "now": "2026-06-01T12:00:00+00:00", "since": None, "until": None,
        "campaigns": {
            "visit": {
                "due": 2, "held": {"cap": 2, "quiet-hours": 2}, "skipped": {"holdout": 2, "late": 2}, "sent": 2,
                "failed": 2, "uncertain": 2, "bounced": 2, "soft_bounced": 0, "complained": 0,
            },
            "idle": {
                "due": 0, "held": {}, "skipped": {}, "sent": 0, "failed": 0, "uncertain": 0, "bounced": 0,
                "soft_bounced": 0, "complained": 0,
            },
        },
    }  # fmt: skip
    assert found.campaigns["visit"].total == len(STATES) * 2


@pytest.mark.slow
def test_a_period_is_from_and_up_to_and_leaves_open_ones_in(bench: Bench) -> None:
    with write(bench.engine) as connection:
        ada = people.add_customer(connection, "ada")
    for day in ("2026-04-30T23:59", "2026-05-01T00:00", "2026-05-31T23:59", "2026-06-01T00:00"):
        _promise(bench, ada, "sent", None, day)
    _promise(bench, ada, "held", "cap", "2026-03-01T00:00")
    found = _report(bench, since=at("2026-05-01T00:00"), until=at("2026-06-01T00:00")).campaigns["visit"]
    assert (found.sent, found.held) == (2, {"cap": 1})


def test_a_campaign_is_counted_under_the_name_it_has_now(bench: Bench) -> None:
    with write(bench.engine) as connection:
        ada = people.add_customer(connection, "ada")
        connection.execute(update(campaigns).where(campaigns.c.name == "visit").values(name="after-visit"))
    _promise(bench, ada, "sent", None, "2026-05-01T00:00")
    found = _report(bench).campaigns
    assert (found["after-visit"].sent, found["visit"].sent) == (1, 0)


# ---------------------------------------------------------------- lift


def _measured(bench: Bench) -> None:
    rule = {"on": "visit.done", "email": "a", "goal": "purchase within 14 days", "holdout": "50%"}
    bench.rules = rules({"visit": rule, "idle": {"on": "purchase", "email": "b"}})


def test_lift_counts_each_client_once_and_only_in_time(bench: Bench) -> None:
    _measured(bench)
    bought = {  # days after the draw, of which the fourteenth counts
        "early": -1, "first": 0.5, "last": 14, "too-late": 14.5, "never": None,
    }  # fmt: skip
    for arm in ("written", "control"):
        for name, days in bought.items():
            with write(bench.engine) as connection:
                key = people.add_customer(connection, f"{name}-{arm}")
                if days is not None:
                    people.add_purchase(connection, key, at("2026-05-01T12:00") + timedelta(days=days))
            _draw(bench, key, arm, "2026-05-01T12:00")
            _draw(bench, key, arm, "2026-05-02T12:00")  # as after a change of address
    with write(bench.engine) as connection:
        fresh = people.add_customer(connection, "fresh")
    _draw(bench, fresh, "written", "2026-05-25T12:00")  # its fourteen days are not over
    figures = _report(bench).campaigns["visit"]
    assert figures.lift is not None
    written, control = figures.lift.written, figures.lift.control
    assert (written.clients, written.reached, control.clients, control.reached) == (5, 2, 5, 2)
    assert figures.lift.gain == 0
    assert figures.to_json()["lift"]["goal"] == "purchase within 14 days"


def test_lift_is_of_those_who_were_drawn_in_the_period(bench: Bench) -> None:
    _measured(bench)
    for day in ("2026-04-30", "2026-05-01", "2026-05-02"):
        with write(bench.engine) as connection:
            key = people.add_customer(connection, day)
        _draw(bench, key, "control", f"{day}T00:00")
    found = _report(bench, since=at("2026-05-01T00:00"), until=at("2026-05-02T00:00")).campaigns["visit"].lift
    assert found is not None
    assert (found.control.clients, found.written.clients) == (1, 0)


def test_a_goal_that_another_client_of_the_mailbox_reached_counts(bench: Bench) -> None:
    _measured(bench)
    with write(bench.engine) as connection:
        drawn, other = (people.add_customer(connection, name, email="ada@client.example") for name in ("ada", "other"))
        mailbox = ids.address_hash("ada@client.example", people.SECRET)
        row = {"experiment": "visit", "mailbox": mailbox, "arm": "written", "at": at("2026-05-01T12:00")}
        connection.execute(insert(assignments).values(**row, customer_id=drawn))
        people.add_purchase(connection, other, at("2026-05-02T12:00"))
    found = _report(bench).campaigns["visit"].lift
    assert found is not None
    assert found.written.reached == found.written.clients == 1


def test_an_empty_group_has_no_gain(bench: Bench) -> None:
    _measured(bench)
    figures = _report(bench).campaigns["visit"]
    assert figures.lift is not None
    assert figures.lift.to_json()["gain"] is None
    assert figures.lift.to_json()["interval"] is None


def test_the_control_group_of_a_real_plan_is_measured(bench: Bench) -> None:
    """Half are held out; of those written to four in five come back, of the others one in five."""
    _measured(bench)
    bench.plan("2026-03-01T00:00")
    with write(bench.engine) as connection:
        keys = {f"c-{number}": people.add_customer(connection, f"c-{number}") for number in range(60)}
        for key in keys.values():
            people.add_event(connection, key, "visit.done", "2026-03-02T12:00")
    bench.send("2026-03-02T12:00")
    outcomes = {row["customer"]: row["state"] for row in bench.ledger()}
    seen: Counter[str] = Counter()
    with write(bench.engine) as connection:
        for name, state in outcomes.items():
            seen[state] += 1
            if (seen[state] % 5 == 0) is (state == "skipped"):
                people.add_purchase(connection, keys[name], "2026-03-05T12:00")
    lift = _report(bench).campaigns["visit"].lift
    assert lift is not None
    assert (lift.written.clients, lift.control.clients) == (seen["sent"], seen["skipped"])
    assert lift.written.clients + lift.control.clients == 60
    sure, fixed = lift.always_valid_interval, lift.fixed_interval
    assert sure is not None
    assert fixed is not None
    assert lift.gain is not None
    assert 0.3 < fixed.low < lift.gain < fixed.high < 0.9
    assert 0 < sure.low < fixed.low < fixed.high < sure.high


def test_coupons_are_counted_when_their_email_went_and_when_they_were_used(bench: Bench) -> None:
    bench.rules = rules({"visit": {"on": "visit.done", "email": "a", "offer": {"coupon": {"percent": 5}}}})
    bench.plan("2026-06-01T12:00")
    with write(bench.engine) as connection:
        key = people.add_customer(connection, "ada")
        for day in (2, 3, 4, 5):
            row = {
                "code": f"A-{day}", "campaign": "visit", "customer_id": key, "occurrence": str(day),
                "offer": {"percent": 5}, "uses": 1, "given_at": at(f"2026-06-0{day}T12:00"),
                "valid_from": at("2026-06-01T00:00"),
                "valid_until": at("2026-07-01T00:00"),
            }  # fmt: skip
            connection.execute(insert(coupons).values(row))
        redeem(connection, Use("A-2", "o-1", at("2026-06-08T12:00")), at("2026-06-09T12:00"))
    # The code of the fourth is in a worker's hands, that of the fifth was for an email that failed.
    for day, state in ((2, "sent"), (3, "uncertain"), (4, "planned"), (5, "failed")):
        _promise(bench, key, state, None, f"2026-06-0{day}T12:00")
    with write(bench.engine) as connection:
        day_of_month = func.substr(cast(promises.c.occurrence, Text), 3)
        connection.execute(update(promises).values(occurrence=cast(cast(day_of_month, Integer) + 2, Text)))
    assert _report(bench).campaigns["visit"].to_json()["coupons"] == {"given": 2, "redeemed": 1}
    assert _report(bench, since=at("2026-06-03T00:00")).campaigns["visit"].coupons == Coupons(1, 1)
    assert _report(bench, since=at("2026-06-09T00:00")).campaigns["visit"].coupons is None


def test_emails_are_counted_by_the_best_that_came_by_their_links(bench: Bench) -> None:
    with write(bench.engine) as connection:
        ada = people.add_customer(connection, "ada")
    for day in ("2026-05-01", "2026-05-02", "2026-05-03", "2026-04-01"):
        _promise(bench, ada, "sent", None, f"{day}T12:00")
    came = [
        (1, "click", "machine"), (1, "click", "human"), (1, "click", "human"), (2, "click", "unsure"),
        (2, "click", "machine"), (3, "click", "machine"), (3, "trap", "machine"), (4, "click", "human"),
        (3, "open", "unsure"),
    ]  # fmt: skip
    with write(bench.engine) as connection:
        keys = connection.scalars(select(promises.c.id).order_by(promises.c.id)).all()
        rows = [{"promise_id": keys[n - 1], "kind": k, "link": "a", "at": NOW, "grade": g} for n, k, g in came]
        connection.execute(insert(hits), rows)
    found = _report(bench, since=at("2026-05-01T00:00")).to_json()["campaigns"]
    assert found["visit"]["clicks"] == {"human": 1, "unsure": 1, "machine": 1}
    assert found["visit"]["opens"] == {"human": 0, "unsure": 1, "machine": 0}
    assert "clicks" not in found["idle"]


def _sent_four(bench: Bench) -> list[int]:
    """Four emails of one day; gives their keys."""
    with write(bench.engine) as connection:
        ada = people.add_customer(connection, "ada")
    for hour in range(4):
        _promise(bench, ada, "sent", None, f"2026-05-01T1{hour}:00")
    with write(bench.engine) as connection:
        return list(connection.scalars(select(promises.c.id).order_by(promises.c.id)))


def _came(bench: Bench, *came: tuple[int, str, str | None, str]) -> None:
    rows = [
        {"promise_id": key, "kind": kind, "link": link, "at": NOW, "grade": grade} for key, kind, link, grade in came
    ]
    with write(bench.engine) as connection:
        connection.execute(insert(hits), rows)


def test_links_are_counted_one_by_one_each_email_once_by_its_best(bench: Bench) -> None:
    one, two, three, four = _sent_four(bench)
    _came(
        bench,
        (one, "click", "sale", "human"), (one, "click", "sale", "machine"), (one, "click", "map", "human"),
        (two, "click", "sale", "machine"), (two, "click", "sale", "unsure"), (two, "click", "book", "machine"),
        (three, "click", "sale", "human"), (three, "trap", "", "machine"), (three, "open", "", "human"),
        (four, "click", None, "human"),
    )  # fmt: skip
    found = _report(bench).to_json()["campaigns"]["visit"]
    assert found["clicks"] == {"human": 3, "unsure": 1, "machine": 0}
    assert found["links"] == [
        {"link": "sale", "human": 2, "unsure": 1, "machine": 0},
        {"link": "map", "human": 1, "unsure": 0, "machine": 0},
        {"link": "book", "human": 0, "unsure": 0, "machine": 1},
    ]
    assert found["more_links"] == 0
    assert _report(bench, since=at("2026-05-02T00:00")).campaigns["visit"].links == LinkReport()


def test_of_links_that_name_the_client_the_first_hundred_are_listed(bench: Bench) -> None:
    one, two, *_ = _sent_four(bench)
    _came(bench, *((one, "click", f"of-{number:03}", "human") for number in range(MOST_LINKS + 5)))
    _came(bench, (two, "click", "of-104", "human"))
    found = _report(bench).campaigns["visit"].links
    assert [followed.link for followed in found.shown] == ["of-104", *(f"of-{n:03}" for n in range(MOST_LINKS - 1))]
    assert found.more == 5


def test_where_clicks_are_counted_none_is_a_result(engine: Engine) -> None:
    bench = Bench(engine)
    campaigns = {"visit": {"on": "visit.done", "email": "a"}, "slip": {"on": "purchase", "email": "b"}}
    bench.rules = rules({**campaigns, "slip": {**campaigns["slip"], "kind": "transactional"}}, policy=COUNTING)
    bench.plan("2026-01-01T00:00")
    found = _report(bench).campaigns
    assert (found["visit"].clicks, found["visit"].opens) == (GradeCounts(), None)
    assert found["slip"].clicks is None
    assert found["visit"].to_json()["links"] == []
    assert "links" not in found["slip"].to_json()
