"""Pauses: what is paused is in no claim, a new pause is noticed at the next chunk, and resuming frees exactly that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, insert, select

from regulars.db.engine import read, write
from regulars.db.tables import promises
from regulars.ledger import switches
from regulars.ledger.cancel import being_sent, cancel, cancellable
from regulars.ledger.claims import Claim, begin, claim, release, waiting
from regulars.ledger.switches import Scope, Target
from tests.common.people import add_customer

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
NEWS, ALL = Target(Scope.CAMPAIGN, "news"), Target(Scope.ALL)
MARKETING = Target(Scope.LANE, "default", frozenset({"marketing"}))
KINDS = frozenset({"marketing", "transactional"})


@pytest.fixture(autouse=True)
def _planned(engine: Engine) -> None:
    """Two promises of `news`, one of `gift`, one transactional of `visit`."""
    with write(engine) as connection:
        for campaign, kind in (("news", "marketing"),) * 2 + (("gift", "marketing"), ("visit", "transactional")):
            row = {
                "campaign": campaign, "step": campaign, "customer_id": add_customer(connection), "occurrence": "1",
                "state": "planned", "kind": kind, "rule": "r", "due_at": NOW, "expires_at": NOW + timedelta(days=2),
                "next_at": NOW, "created_at": NOW,
            }  # fmt: skip
            connection.execute(insert(promises).values(row))


def _claim(engine: Engine) -> Claim | None:
    with write(engine) as connection:
        return claim(connection, kinds=KINDS, limit=10, now=NOW, lease=LEASE, worker="w")


def _campaigns(engine: Engine) -> list[str]:
    """The campaigns that a claim now has, which is given back."""
    taken = _claim(engine)
    with read(engine) as connection:
        assert waiting(connection, KINDS, NOW) is False
    if taken is None:
        return []
    with write(engine) as connection:
        release(connection, taken.id)
        assert waiting(connection, KINDS, NOW) is True
    return sorted(campaign for campaign, _ in taken.steps)


def _pause(engine: Engine, target: Target, who: str = "anna") -> bool:
    with write(engine) as connection:
        return switches.pause(connection, target, who, f"{who} says so", NOW)


def _resume(engine: Engine, target: Target) -> bool:
    with write(engine) as connection:
        return switches.resume(connection, target, "bo", NOW + timedelta(hours=1))


def test_a_claim_leaves_out_what_is_paused(engine: Engine) -> None:
    assert _campaigns(engine) == ["gift", "news", "visit"]
    _pause(engine, NEWS)
    assert _campaigns(engine) == ["gift", "visit"]
    _pause(engine, MARKETING)
    assert _campaigns(engine) == ["visit"]
    _pause(engine, ALL)
    assert _campaigns(engine) == []
    _resume(engine, ALL)
    assert _campaigns(engine) == ["visit"]
    _resume(engine, MARKETING)
    assert _campaigns(engine) == ["gift", "visit"]
    _resume(engine, NEWS)
    assert _campaigns(engine) == ["gift", "news", "visit"]


def test_a_pause_is_noticed_when_the_next_chunk_begins(engine: Engine) -> None:
    held = _claim(engine)
    assert held is not None
    ids = list(held.rows)

    def newest(some: list[int]) -> int:
        with write(engine) as connection:
            return begin(connection, held, some, lease=LEASE).newest_pause

    assert newest(ids[:2]) == held.newest_pause == 0
    _pause(engine, NEWS)
    first = newest(ids[2:])
    assert first > 0
    _pause(engine, ALL)
    assert newest(ids[2:]) > first
    _resume(engine, ALL)
    _resume(engine, NEWS)
    assert newest(ids[2:]) == 0


def test_the_first_pause_keeps_its_author_and_the_widest_is_named(engine: Engine) -> None:
    assert _pause(engine, NEWS)
    assert not _pause(engine, NEWS, "bo")
    assert _pause(engine, ALL, "bo")
    with read(engine) as connection:
        found = switches.pauses(connection)
    assert [one.who for one in found.found] == ["anna", "bo"]
    widest = found.of("news", "marketing")
    assert widest is not None
    assert widest.sentence() == (
        "everything is paused since 2026-06-10 12:00 UTC by bo: bo says so; `regulars resume --all` lets it go on"
    )
    assert found.campaigns["news"].sentence({"news": "june"}) == (
        "`june` is paused since 2026-06-10 12:00 UTC by anna: anna says so; `regulars resume june` lets it go on"
    )


def test_resuming_is_remembered_and_another_pause_is_a_new_one(engine: Engine) -> None:
    assert not _resume(engine, NEWS)
    _pause(engine, NEWS)
    assert _resume(engine, NEWS)
    assert not _resume(engine, NEWS)
    with read(engine) as connection:
        assert switches.resumed(connection) == {(Scope.CAMPAIGN, "news"): NOW + timedelta(hours=1)}
        assert switches.pauses(connection).newest == 0
    assert _pause(engine, NEWS)


def test_calling_off_skips_what_is_open_but_not_what_is_being_sent(engine: Engine) -> None:
    held = _claim(engine)
    assert held is not None
    with write(engine) as connection:
        begun = begin(connection, held, [held.rows[0]], lease=LEASE)
        assert begun.ours == {held.rows[0]}
        assert being_sent(connection) == 1
        assert cancellable(connection, ALL) == 4
        assert cancel(connection, NEWS, "anna: a wrong price", NOW) == 1  # of two, one is being sent
        assert cancel(connection, MARKETING, "anna", NOW) == 1
        rest = begin(connection, held, list(held.rows), lease=LEASE)
        query = select(promises.c.campaign, promises.c.state, promises.c.reason, promises.c.detail)
        rows = [tuple(row) for row in connection.execute(query.order_by(promises.c.id))]
    assert len(rest.ours) == 2
    assert rows == [
        ("news", "planned", None, None),
        ("news", "skipped", "called-off", "anna: a wrong price"),
        ("gift", "skipped", "called-off", "anna"),
        ("visit", "planned", None, None),
    ]
