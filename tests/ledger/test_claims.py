"""Claims and fences: no row in two hands, no row lost with a dead worker, no doubt unnamed."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import BigInteger, Connection, Engine, insert, select, type_coerce, update

from regulars.db.engine import dry_run, write
from regulars.db.states import Reason, State
from regulars.db.tables import claims, promises
from regulars.ledger import claims as claims_module
from regulars.ledger import settle
from regulars.ledger.claims import Claim
from regulars.ledger.poison import FEW, MOST_LOST
from regulars.ledger.recall import recall
from regulars.ledger.settle import Settlement
from tests.common.people import add_customer

NOW = datetime(2026, 6, 10, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)


def _planned(engine: Engine, count: int, **more: object) -> list[int]:
    with write(engine) as connection:
        rows = [
            {
                "campaign": "news", "step": "news", "customer_id": add_customer(connection), "occurrence": "1",
                "state": "planned", "kind": "marketing", "priority": 0, "rule": "r", "due_at": NOW,
                "expires_at": NOW + timedelta(days=2), "next_at": NOW, "created_at": NOW, **more,
            }
            for _ in range(count)
        ]  # fmt: skip
        connection.execute(insert(promises), rows)
        return list(connection.scalars(select(promises.c.id).order_by(promises.c.id)))


def _claim(engine: Engine, limit: int = 10) -> Claim | None:
    with write(engine) as connection:
        return claims_module.claim(connection, kinds={"marketing"}, limit=limit, now=NOW, lease=LEASE, worker="w")


def _pass(connection: Connection, seconds: float) -> None:
    """So many seconds go by on the database's clock, as far as claims can see."""
    moved = type_coerce(claims.c.lease_until, BigInteger) - round(seconds * 1_000_000)
    connection.execute(update(claims).values(lease_until=moved))


def _states(engine: Engine) -> list[str]:
    with write(engine) as connection:
        return list(connection.scalars(select(promises.c.state).order_by(promises.c.id)))


def test_what_one_worker_holds_another_cannot_take(engine: Engine) -> None:
    ids = _planned(engine, 5)
    first, second, third = _claim(engine, 3), _claim(engine, 3), _claim(engine, 3)
    assert first is not None
    assert second is not None
    assert third is None
    assert sorted(first.rows + second.rows) == ids


def test_the_most_important_goes_first_and_the_future_waits(engine: Engine) -> None:
    _planned(engine, 1, priority=1)
    _planned(engine, 1, priority=5)
    _planned(engine, 1, next_at=NOW + timedelta(minutes=1))
    claim = _claim(engine)
    assert claim is not None
    assert claim.rows == (2, 1)


def test_a_row_goes_its_whole_way(engine: Engine) -> None:
    (row,) = _planned(engine, 1)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        assert claims_module.begin(connection, claim, [row], lease=LEASE).ours == {row}
        assert connection.scalar(select(claims.c.sending)) == [row]
    assert _states(engine) == ["planned"]
    with write(engine) as connection:
        assert claims_module.in_hand(connection) == {row}
    sent = Settlement(row, State.SENT, detail="250 ok", code=250, message_id="<1@x>", template="t", data="{}")
    with write(engine) as connection:
        assert settle.settle(connection, claim.id, [sent], NOW) == 1
        claims_module.release(connection, claim.id)
        assert claims_module.in_hand(connection) == set()
    with write(engine) as connection:
        found = connection.execute(select(promises)).mappings().one()
    assert (found["state"], found["code"], found["attempts"], found["message_id"], found["settled_at"]) == (
        "sent", 250, 1, "<1@x>", NOW,
    )  # fmt: skip
    with write(engine) as connection:  # a settled row is settled
        assert settle.settle(connection, claim.id, [Settlement(row, State.FAILED)], NOW) == 0


def test_a_dead_workers_rows_return_or_are_named(engine: Engine) -> None:
    ids = _planned(engine, 4)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        claims_module.begin(connection, claim, ids[:2], lease=LEASE)
    with write(engine) as connection:
        _pass(connection, 57)
        found = claims_module.recover(connection, now=NOW)
        assert (found.returned, found.uncertain) == (0, 0)
        _pass(connection, 3)
        found = claims_module.recover(connection, now=NOW)
        assert (found.returned, found.uncertain) == (2, 2)
    assert _states(engine) == ["uncertain", "uncertain", "planned", "planned"]


def test_the_fence_stops_a_worker_that_was_given_up(engine: Engine) -> None:
    ids = _planned(engine, 3)
    slow = _claim(engine)
    assert slow is not None
    with write(engine) as connection:
        claims_module.begin(connection, slow, ids[:1], lease=LEASE)
        _pass(connection, 61)
        claims_module.recover(connection, now=NOW)
    quick = _claim(engine)
    assert quick is not None
    assert quick.rows == tuple(ids[1:])
    with write(engine) as connection:
        assert claims_module.begin(connection, slow, ids[1:], lease=LEASE).ours == set()
        # What it had handed over before is its own to settle: the truth is welcome late.
        assert settle.settle(connection, slow.id, [Settlement(ids[0], State.SENT)], NOW) == 1
        assert settle.settle(connection, slow.id, [Settlement(ids[1], State.SENT)], NOW) == 0
    assert _states(engine) == ["sent", "planned", "planned"]


def test_resending_the_uncertain_is_the_policys_choice(engine: Engine) -> None:
    ids = _planned(engine, 1)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        claims_module.begin(connection, claim, ids, lease=LEASE)
        _pass(connection, 61)
        claims_module.recover(connection, now=NOW, resend=True)
    assert _states(engine) == ["planned"]


def test_many_workers_at_once_share_the_rows_without_overlap(engine: Engine) -> None:
    ids = _planned(engine, 60)
    taken: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        while (claim := _claim(engine, 7)) is not None:
            with lock:
                taken.extend(claim.rows)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == ids


def test_what_is_in_hand_waits_for_nobody_else(engine: Engine) -> None:
    _planned(engine, 1)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        assert not claims_module.waiting(connection, {"marketing"}, NOW)
        claims_module.release(connection, claim.id)
        assert claims_module.waiting(connection, {"marketing"}, NOW)


def test_what_a_client_took_back_is_not_begun_nor_settled_and_what_is_being_sent_stays(engine: Engine) -> None:
    first, second, third = _planned(engine, 3)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        of = dict(connection.execute(select(promises.c.id, promises.c.customer_id)).all())
        claims_module.begin(connection, claim, [first], lease=LEASE)
        assert [recall(connection, of[row]) for row in (first, second)] == [0, 1]
        assert claims_module.begin(connection, claim, [second, third], lease=LEASE).ours == {third}
        outcomes = [Settlement(row, State.SENT) for row in (first, second, third)]
        assert settle.settle(connection, claim.id, outcomes, NOW) == 2
    assert _states(engine) == ["sent", "planned", "sent"]
    again = _claim(engine)
    assert again is not None
    assert again.rows == (second,)


def test_what_was_taken_back_while_its_worker_died_is_free(engine: Engine) -> None:
    (row,) = _planned(engine, 1)
    claim = _claim(engine)
    assert claim is not None
    with write(engine) as connection:
        (customer,) = connection.scalars(select(promises.c.customer_id))
        recall(connection, customer)
        claims_module.begin(connection, claim, [row], lease=LEASE)
        _pass(connection, 120)
        found = claims_module.recover(connection, now=NOW)
        assert (found.returned, found.uncertain) == (0, 0)
    assert _states(engine) == ["planned"]


def test_a_worker_passes_over_what_a_rehearsal_has_in_hand(postgres_engine: Engine) -> None:
    ids = _planned(postgres_engine, 3)
    with dry_run(postgres_engine) as connection:
        taken = claims_module.claim(connection, kinds={"marketing"}, limit=2, now=NOW, lease=LEASE, worker="rehearsal")
        assert taken is not None
        settle.settle(connection, taken.id, [Settlement(taken.rows[0], State.SENT)], NOW)
        claims_module.release(connection, taken.id)
        free = _claim(postgres_engine)
        assert free is not None
        assert free.rows == (ids[2],)


@pytest.mark.parametrize("place", [0, 40, 99])
def test_a_row_that_claims_die_of_is_alone_at_last_and_held(engine: Engine, place: int) -> None:
    ids = _planned(engine, 100)
    poison, sizes, held = ids[place], list[int](), list[int]()
    while (claim := _claim(engine, 100)) is not None:
        with write(engine) as connection:
            if poison not in claim.rows:
                settle.settle(connection, claim.id, [Settlement(row, State.SENT) for row in claim.rows], NOW)
                claims_module.release(connection, claim.id)
                continue
            sizes.append(len(claim.rows))
            _pass(connection, 61)
            held += [one.id for one in claims_module.recover(connection, now=NOW).poison]
    assert sizes == [100, FEW if place != 99 else 4, 1, 1]
    assert held == [poison]
    assert [state for state in _states(engine) if state != "sent"] == ["held"]


def test_a_count_of_lost_claims_ends_with_the_row_that_is_settled(engine: Engine) -> None:
    (row,) = _planned(engine, 1)
    for _ in range(MOST_LOST - 1):
        assert _claim(engine) is not None
        with write(engine) as connection:
            _pass(connection, 61)
            found = claims_module.recover(connection, now=NOW)
            assert (found.returned, found.uncertain) == (1, 0)
    claim = _claim(engine)
    assert claim is not None
    again = Settlement(row, State.HELD, Reason.RETRY, next_at=NOW)
    with write(engine) as connection:
        assert settle.settle(connection, claim.id, [again], NOW) == 1
        assert connection.scalar(select(promises.c.lost_claims)) == 0
