"""Random worlds in which every plan is followed by a full one at the same instant, which must find nothing.

A world has random rules of every kind of trigger, clients in several zones, and things that happen: purchases and
events of now, long past and yet to come, edits, deletions, merges, launches, learned values, emails that fail. Between
two plans pass minutes or weeks, over changes of the clock and leap days. A plan that fails half way is undone now and
then. By induction the ledger of the incremental plans is the ledger of full plans, row by row.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from regulars.consent.merge import merge_clients
from regulars.context.statement_cache import StatementCache
from regulars.core.errors import RegularsError
from regulars.db import tables, touched
from regulars.db.engine import write
from regulars.db.types import Instant, Money
from regulars.planner.plan import Plan, plan
from regulars.profile import facts
from regulars.rules.fields import FieldType
from tests.common.people import add_customer, add_event, add_product, add_purchase
from tests.common.rules import Rules, rules

BEGINNINGS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in ("2026-03-26T09:30", "2026-10-22T22:10", "2028-02-26T11:00", "2026-06-10T12:00", "2026-12-29T20:00")
)
"""Before changes of the clock, a leap day, the turn of a year."""
_ZONES = (None, None, "Europe/London", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Not/AZone")
_SPANS = ("30 minutes", "2 hours", "1 day", "3 days", "2 weeks")
_STEPS = (*(timedelta(minutes=n) for n in (1, 1, 7, 30, 59)), *(timedelta(hours=n) for n in (1, 5, 13, 23)))
_LONG = (timedelta(days=2), timedelta(days=20))
FIELDS = {"vip": FieldType.BOOL, "city": FieldType.TEXT, "renewal": FieldType.DATE, "meets_at": FieldType.INSTANT}
SEGMENTS = {
    "fresh": "did('purchase', within='3 days')",
    "good": "customer.purchases >= 2 and (customer.vip or in_segment('fresh'))",
}


def conditions(dice: random.Random, begin: datetime) -> str:
    """A condition whose turns by time have bounds, or come at midnight."""
    soon = f"'{begin + timedelta(hours=dice.randint(1, 60)):%Y-%m-%dT%H:%M:00Z}'"
    span, days, number = dice.choice(_SPANS), dice.choice((0, 1, 2, 14)), dice.choice((1, 2, 3))
    op = dice.choice((">", ">=", "<", "<=", "==", "!="))
    found = dice.choice((
        f"days_since(customer.last_purchase_at) {op} {days}",
        f"days_since(customer.first_purchase_at) {op} {days}",
        f"{days} {op} days_until(customer.next_product_at)",
        f"days_since(customer.created_at) {op} {days}",
        f"customer.overdue {op} {dice.choice(('0.5', '1', '2.25'))}",
        f"customer.overdue {op} {dice.choice(('0.1', '0.25', '3'))}",
        "customer.others_returned >= 0.3", "customer.others_returned < 0.7",
        f"did('visit.done', within='{span}')",
        f"count('complaint.opened', within='{span}') {op} {number}",
        f"spent(within='{span}') {op} 100",
        f"bought('soap', within='{span}')",
        f"bought_quantity('care', within='{span}') {op} {number}",
        f"customer.purchases {op} {number}",
        f"customer.clv {op} 100",
        "customer.next_product == 'soap'",
        "customer.vip and customer.city == 'Riga'",
        "customer.manager == 'm-1'",
        f"days_since(last('visit.done')) {op} {days}",
        "has_upcoming('visit')",
        f"days_until(next('visit')) {op} {days}",
        "next('visit') < now",
        f"days_since(customer.renewal) {op} {days}",
        "customer.birthday < today",
        "customer.last_purchase_at > now",
        f"now > {soon} and customer.purchases >= 1",
        f"now > {soon} or customer.vip",
        f"in_segment('{dice.choice(list(SEGMENTS))}')",
        f"(days_since(customer.last_purchase_at) if customer.vip else count('visit.done')) {op} {days}",
        "customer.stage == 'client' or customer.level is not none",
    ))  # fmt: skip
    return f"not ({found})" if dice.random() < 0.2 else found


def _branches(dice: random.Random, condition: Callable[[], str], wait: dict[str, str]) -> dict[str, Any]:
    """The steps of a sequence that begins with a decision, or has one."""
    one, two = {"email": "one"}, {"email": "two", **wait}
    awaited = f"{dice.choice(('purchase', 'visit.done'))} within {dice.choice(('2 hours', '3 days'))}"
    return dice.choice((
        {"steps": [{"id": "w", "wait_for": awaited, "then": [one], "else": [two]}]},
        {"steps": [{"id": "c", "choose": [{"if": condition(), "steps": [one]}, {"steps": [two]}]}]},
        {"steps": [one, {"id": "w", "wait_for": awaited, "then": [], "else": [two]}]},
    ))  # fmt: skip


def random_rules(dice: random.Random, begin: datetime) -> Rules:
    """Up to nine campaigns; of every kind of trigger, or all of conditions."""
    states = dice.random() < 0.5

    def condition() -> str:
        found = conditions(dice, begin)
        return f"{found} {dice.choice(('and', 'or'))} {conditions(dice, begin)}" if dice.random() < 0.3 else found

    def wait() -> dict[str, str]:
        return (
            {"wait": dice.choice(("20 minutes", "5 hours", "2 days", "3 working hours"))} if dice.random() < 0.4 else {}
        )

    made: dict[str, dict[str, Any]] = {}
    for number in range(dice.randint(3, 9)):
        rule: dict[str, Any] = dice.choice((
            {"on": dice.choice(("purchase", "visit.done", "complaint.opened"))},
            {"on": "visit.booked", "steps": [{"email": "one", "at": "1 day before event.starts_at"}]},
            {"when": condition()}, {"when": condition()}, {"when": condition()},
            {"when": f"left_segment('{dice.choice(list(SEGMENTS))}')"},
            {"each": dice.choice(("customer.city", "customer.purchases", "count('visit.done')"))},
            {"new": "product"},
            {"every": dice.choice(("year since customer.birthday", "month since customer.first_purchase_at"))},
            {"schedule": dice.choice(("daily at 10:00", "weekly on monday at 08:30"))},
            {"every": "year on feast"},
        ))  # fmt: skip
        rule = {"when": condition()} if states else rule
        rule = {"steps": [{"email": "one", **wait()}], **rule}
        if dice.random() < 0.3 and len(rule["steps"][0]) <= 2 and "at" not in rule["steps"][0]:
            rule |= _branches(dice, condition, wait())
        if ("new" in rule or "schedule" in rule) and dice.random() < 0.5:
            del rule["steps"]
            rule["waves"] = [{"to": condition(), "email": "one"}, {"wait": "1 day", "email": "two", "id": "rest"}]
        if dice.random() < 0.5:
            rule["audience"] = condition()
        if dice.random() < 0.5 and "each" not in rule:
            rule["again"] = dice.choice(("never", "after 2 days", "after 10 days"))
        if dice.random() < 0.2:
            rule["backfill"] = "all"
        made[f"c{number}"] = rule
    return rules(
        made, policy={"late": dice.choice(("2 days", "10 days"))},
        company={"timezone": dice.choice(("UTC", "Europe/Chisinau"))},
        fields=FIELDS, segments=SEGMENTS, calendars={"feast": {"default": "11 june", "EE": "24 october"}},
    )  # fmt: skip


def needed(table: Table, now: datetime) -> dict[str, Any]:
    """A value for each column that must have one."""
    columns = (column for column in table.c if not column.nullable and column.server_default is None)
    given: dict[type[Any], Any] = {Instant: now, Money: Decimal(1)}
    return {column.name: given.get(type(column.type), 1) for column in columns}


class World:
    """One database, its rules, and an instant that goes on."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.dice, self.engine = random.Random(seed), engine
        self.now = self.dice.choice(BEGINNINGS)
        self.rules = random_rules(self.dice, self.now)
        self.cache = StatementCache() if self.dice.random() < 0.5 else None
        self.names = 0
        self.asked = 0
        with write(engine) as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(delete(table))
            touched.install(connection)
            add_product(connection, "soap", category="care", consumable=True)
            add_product(connection, "knife", category="steel")
            connection.execute(insert(tables.managers).values(external_id="m-1", name="Mira", email="m@studio.example"))
            for _ in range(self.dice.randint(4, 20)):
                self._join(connection)
            for _ in range(self.dice.randint(0, 60)):
                self.dice.choice((self._buy, self._buy, self._visit, self._complain, self._book))(connection)
            if self.dice.random() < 0.5:
                self._model(connection)
        self._planned()

    def live(self, plans: int) -> list[str]:
        """So many plans, each compared with a full one; what a full plan found that the plan had not."""
        found: list[str] = []
        for _ in range(plans):
            for _ in range(self.dice.choice((0, 0, 0, 1, 2))):
                self.happen()
            self.now += self.dice.choice(_STEPS if self.dice.random() < 0.85 else _LONG)
            if self.dice.random() < 0.1:
                self._failed()
            made = self._planned()
            self.asked += made.asked is not None
            found += [f"{self.now:%Y-%m-%d %H:%M}: {line}" for line in self._missed()]
            self._send()
        return found

    def _planned(self) -> Plan:
        with write(self.engine) as connection:
            return plan(connection, self.rules, self.now, incremental=True, cache=self.cache)

    def _failed(self) -> None:
        """A plan that is undone."""
        with self.engine.connect() as connection:
            plan(connection, self.rules, self.now, incremental=True)
            connection.rollback()

    def _missed(self) -> list[str]:
        """What a full plan finds now; it is undone."""
        with self.engine.connect() as connection:
            before = connection.scalar(select(func.coalesce(func.max(tables.promises.c.id), 0)))
            made = plan(connection, self.rules, self.now)
            moves = ((key, moved.entered, moved.left) for key, moved in made.movements.items())
            found = [f"{key}: {entered} entered, {left} left" for key, entered, left in moves if entered or left]
            columns = (tables.promises.c[name] for name in ("campaign", "customer_id", "occurrence"))
            rows = connection.execute(select(*columns).where(tables.promises.c.id > before))
            found += [f"promised: {tuple(row)}" for row in rows]
            connection.rollback()
        return found

    def _send(self) -> None:
        """What may go goes, or fails."""
        state = self.dice.choice(("sent", "sent", "failed", "planned"))
        with write(self.engine) as connection:
            done = update(tables.promises).where(tables.promises.c.state == "planned")
            connection.execute(done.values(state=state, settled_at=None if state == "planned" else self.now))

    # ---------------------------------------------------------------- what happens

    def happen(self) -> None:
        """One thing happens, each in a transaction of its own."""
        things: tuple[Callable[[Connection], None], ...] = (
            self._join, self._buy, self._buy, self._buy, self._visit, self._visit, self._complain, self._book,
            self._edit, self._edit, self._correct, self._launch, self._learn, self._forget, self._merge,
        )  # fmt: skip
        thing = self.dice.choice(things)
        with write(self.engine) as connection:
            thing(connection)

    def _name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    def _moment(self) -> datetime:
        """When it happened: mostly just now, else within the last weeks, or soon."""
        days = self.dice.choice((0, 0, 0, 0, 1, 2, 3, 14, 15, 40, -1))
        spread = self.dice.choice((0, 1, 60, 1440)) if days else self.dice.choice((0, 0, 0, 1, 45, 300))
        minutes = days * 1440 - self.dice.randint(0, spread) if days else self.dice.randint(0, spread)
        return self.now - timedelta(minutes=minutes, seconds=self.dice.randint(0, 59))

    def _client(self, connection: Connection) -> int:
        keys = connection.scalars(select(tables.customers.c.id).order_by(tables.customers.c.id)).all()
        return int(self.dice.choice(keys))

    def _join(self, connection: Connection) -> None:
        day = self.now.date() + timedelta(days=self.dice.choice((0, 1, 2, 30)))
        year = self.dice.choice((1988, 1990))
        born = date(year, day.month, min(day.day, 28 if day.month == 2 and year % 4 else day.day))
        key = add_customer(
            connection, self._name(), birthday=self.dice.choice((None, born)), timezone=self.dice.choice(_ZONES),
            country=self.dice.choice((None, "EE")), created_at=min(self._moment(), self.now), attrs=self._attrs(),
        )  # fmt: skip
        facts.refresh(connection, [key])

    def _attrs(self) -> dict[str, Any]:
        day = (self.now + timedelta(days=self.dice.choice((-2, 0, 1)))).date()
        return {"vip": self.dice.random() < 0.5, "city": self.dice.choice(("Riga", "Iasi")), "renewal": f"{day}"}

    def _buy(self, connection: Connection) -> None:
        key = self._client(connection)
        skus = self.dice.choice(((), ("soap",), ("knife",), ("soap", "knife")))
        add_purchase(
            connection, key, self._moment(), *skus, amount=self.dice.choice((20, 150)), received_at=self.now,
            external_id=self._name(),
        )  # fmt: skip
        facts.refresh(connection, [key])

    def _event(self, connection: Connection, name: str, data: dict[str, Any]) -> None:
        new = add_event(connection, self._client(connection), name, self._moment(), data, received_at=self.now,
                        external_id=self._name())  # fmt: skip
        facts.refresh_after_events(connection, [new])

    def _visit(self, connection: Connection) -> None:
        self._event(connection, "visit.done", {"score": self.dice.randint(1, 10)})

    def _complain(self, connection: Connection) -> None:
        self._event(connection, "complaint.opened", {"about": "x", "score": 1})

    def _book(self, connection: Connection) -> None:
        begins = self.now + self.dice.choice((*_STEPS, *_LONG))
        name = self.dice.choice(("visit.booked", "visit.booked", "visit.cancelled"))
        self._event(connection, name, {"visit": self.dice.choice("vw"), "starts_at": begins.isoformat()})

    def _edit(self, connection: Connection) -> None:
        values = self.dice.choice((
            {"attrs": self._attrs()}, {"timezone": self.dice.choice(_ZONES)},
            {"manager_id": select(tables.managers.c.id).scalar_subquery()},
        ))  # fmt: skip
        connection.execute(
            update(tables.customers).where(tables.customers.c.id == self._client(connection)).values(values)
        )

    def _correct(self, connection: Connection) -> None:
        """A purchase or an event is deleted, moved in time, or turns out to be another client's."""
        table = self.dice.choice((tables.purchases, tables.events))
        rows = connection.execute(select(table.c.id, table.c.customer_id).order_by(table.c.id)).all()
        if not rows:
            return
        row, other = self.dice.choice(rows), self._client(connection)
        match self.dice.randint(0, 2):
            case 0:
                if table is tables.purchases:
                    connection.execute(
                        delete(tables.purchase_lines).where(tables.purchase_lines.c.purchase_id == row.id)
                    )
                connection.execute(delete(table).where(table.c.id == row.id))
            case 1:
                connection.execute(update(table).where(table.c.id == row.id).values(occurred_at=self._moment()))
            case _:
                connection.execute(update(table).where(table.c.id == row.id).values(customer_id=other))
        facts.refresh(connection, [row.customer_id, other])

    def _launch(self, connection: Connection) -> None:
        if self.dice.random() < 0.7:
            add_product(connection, self._name(), launched_at=self._moment())
        else:
            category = self.dice.choice(("care", "steel"))
            connection.execute(
                update(tables.products).where(tables.products.c.sku == "knife").values(category=category)
            )

    def _learn(self, connection: Connection) -> None:
        if self.dice.random() < 0.5:
            self._model(connection)
            return
        key = self._client(connection)
        connection.execute(delete(tables.worth).where(tables.worth.c.customer_id == key))
        row = needed(tables.worth, self.now) | {"customer_id": key, "clv": self.dice.choice((50.0, 200.0))}
        connection.execute(insert(tables.worth).values(row))

    def _model(self, connection: Connection) -> None:
        """How others buy: after how many days they come again."""
        connection.execute(delete(tables.return_times))
        shares = ((0, 0.1), (1, 0.4), (self.dice.choice((2, 3, 14, 15)), 0.8))
        for visit in (1, 2):
            for days, share in shares:
                connection.execute(insert(tables.return_times).values(visit=visit, days=days, share=share))
        connection.execute(delete(tables.buying_model))
        model = needed(tables.buying_model, self.now) | {"r": 0.5, "alpha": 4.0, "a": 0.8, "b": 2.5}
        connection.execute(insert(tables.buying_model).values(model))

    def _forget(self, connection: Connection) -> None:
        """An email of the past turns out to have failed."""
        ids = connection.scalars(select(tables.promises.c.id).where(tables.promises.c.state == "sent")).all()
        if ids:
            one = update(tables.promises).where(tables.promises.c.id == self.dice.choice(ids))
            connection.execute(one.values(state=self.dice.choice(("failed", "skipped"))))

    def _merge(self, connection: Connection) -> None:
        kept, gone = self._client(connection), self._client(connection)
        if kept != gone:
            try:
                with connection.begin_nested():
                    merge_clients(connection, kept, gone, now=self.now, by="test")
            except RegularsError:
                pass
