"""The ledger as a list for people: the outcome of every promise, newest last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from regulars.db.engine import read
from regulars.db.tables import campaigns, customers, promises
from regulars.rules.model import Rulebook


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One promise: `at` is when it was settled, or else when it was created."""

    campaign: str
    step: str
    customer: str
    name: str | None
    state: str
    reason: str | None
    detail: str | None
    at: datetime
    next_at: datetime


def history(engine: Engine, rulebook: Rulebook, limit: int = 1000) -> list[HistoryRow]:
    """The latest promises, oldest first, with the campaigns' present names."""
    at = func.coalesce(promises.c.settled_at, promises.c.created_at)
    full = func.coalesce(customers.c.name, customers.c.first_name + " " + customers.c.last_name, customers.c.first_name)
    query = (
        select(
            promises,
            customers.c.external_id,
            full.label("full_name"),
            at.label("at"),
            campaigns.c.name.label("now_named"),
        )
        .join(customers, customers.c.id == promises.c.customer_id)
        .outerjoin(campaigns, campaigns.c.key == promises.c.campaign)
        .order_by(at.desc(), promises.c.id.desc())
        .limit(limit)
    )
    with read(engine) as connection:
        rows = connection.execute(query).mappings().all()
    return [
        HistoryRow(
            r["now_named"] or r["campaign"], r["step"], r["external_id"], r["full_name"], r["state"], r["reason"],
            r["detail"], r["at"], r["next_at"],
        )
        for r in reversed(rows)
    ]  # fmt: skip
