"""A planner at work: plan at a time, pretend that what may go went, look at the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, select, update

from regulars.db.engine import write
from regulars.db.tables import customers, promises
from regulars.planner.plan import Plan, Tally, plan, tallies
from regulars.profile import facts
from tests.common.rules import Rules


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass
class Bench:
    """One database and the rules in force on it."""

    engine: Engine
    rules: Rules | None = None

    def plan(self, when: str) -> Plan:
        """Plans at that time."""
        assert self.rules is not None
        with write(self.engine) as connection:
            facts.refresh(connection)
            return plan(connection, self.rules, at(when))

    def tally(self, when: str) -> Mapping[str, Tally]:
        """Plans at that time and counts."""
        made = self.plan(when)
        with write(self.engine) as connection:
            return tallies(connection, made.active_campaigns, at(when))

    def send(self, when: str) -> list[tuple[str, str, str]]:
        """Plans, and settles what may go as sent: (customer, campaign, step), in order."""
        self.plan(when)
        sent = self.ledger("planned")
        with write(self.engine) as connection:
            connection.execute(
                update(promises).where(promises.c.state == "planned").values(state="sent", settled_at=at(when))
            )
        return [(row["customer"], row["campaign"], row["step"]) for row in sent]

    def ledger(self, *states: str) -> list[dict[str, Any]]:
        """Rows of the ledger with the customer's external id."""
        query = (
            select(promises, customers.c.external_id.label("customer"))
            .join(customers, customers.c.id == promises.c.customer_id)
            .order_by(customers.c.external_id, promises.c.campaign, promises.c.id)
        )
        if states:
            query = query.where(promises.c.state.in_(states))
        with write(self.engine) as connection:
            return [dict(row) for row in connection.execute(query).mappings()]
