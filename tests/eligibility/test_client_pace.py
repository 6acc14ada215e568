"""What clients asked for on their preferences page: a break, or fewer emails."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from regulars.db.engine import write
from regulars.db.tables import preferences
from tests.common.bench import Bench, at
from tests.common.people import add_customer, add_event
from tests.common.rules import rules

VISIT: dict[str, Any] = {"on": "visit.done", "email": "mail"}
RECEIPT: dict[str, Any] = VISIT | {"kind": "transactional"}


def _ready(bench: Bench, **wishes: Any) -> int:
    bench.rules = rules({"news": VISIT | {"priority": 5}, "more": VISIT, "receipt": RECEIPT}, policy={"late": "3 days"})
    bench.plan("2026-06-10T11:00")
    with write(bench.engine) as connection:
        key = add_customer(connection, "ada")
        connection.execute(insert(preferences).values(customer_id=key, at=at("2026-06-01T12:00"), **wishes))
        add_event(connection, key, "visit.done", "2026-06-10T12:00")
    return key


def _outcomes(bench: Bench) -> dict[str, tuple[str, str | None]]:
    return {row["campaign"]: (row["state"], row["reason"]) for row in bench.ledger()}


def test_a_break_holds_marketing_until_it_ends(bench: Bench) -> None:
    _ready(bench, paused_until=at("2026-06-12T12:00"))
    bench.plan("2026-06-10T12:01")
    held = ("held", "paused-by-client")
    assert _outcomes(bench) == {"news": held, "more": held, "receipt": ("planned", None)}
    bench.plan("2026-06-12T11:59")
    assert _outcomes(bench)["news"] == held
    bench.plan("2026-06-12T12:00")
    assert _outcomes(bench)["news"] == ("planned", None)


def test_what_cannot_wait_for_the_end_of_a_break_is_skipped(bench: Bench) -> None:
    _ready(bench, paused_until=at("2026-07-10T12:00"))
    bench.plan("2026-06-10T12:01")
    skipped = ("skipped", "paused-by-client")
    assert _outcomes(bench) == {"news": skipped, "more": skipped, "receipt": ("planned", None)}


def test_one_a_week_lets_the_most_important_go(bench: Bench) -> None:
    _ready(bench, gap_days=7)
    bench.plan("2026-06-10T12:01")
    assert _outcomes(bench) == {
        "news": ("planned", None), "more": ("skipped", "cap"), "receipt": ("planned", None),
    }  # fmt: skip
    more = next(row for row in bench.ledger() if row["campaign"] == "more")
    assert more["detail"] == "news"


def test_the_wish_of_one_is_not_the_wish_of_another(bench: Bench) -> None:
    _ready(bench, gap_days=7)
    with write(bench.engine) as connection:
        add_event(connection, add_customer(connection, "bob"), "visit.done", "2026-06-10T12:00")
    bench.plan("2026-06-10T12:01")
    assert {row["state"] for row in bench.ledger() if row["customer"] == "bob"} == {"planned"}
