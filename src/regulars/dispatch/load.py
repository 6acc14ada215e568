"""What a batch of promises is rendered with, fetched in a few set queries however large the batch is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from regulars.audience.known import FINISHED, PLAIN, Model, finished, model_in_force
from regulars.clearance import Ground, Live
from regulars.rules.model import Campaign, FieldType, Step
from regulars.store.following import missing_accessories
from regulars.store.happenings import PURCHASE, happenings
from regulars.store.tables import customers, managers, products, promises, purchase_lines, purchases, worth
from regulars.store.types import DAY, to_micros

Record = Mapping[str, Any]


@dataclass(slots=True)
class Job:
    """One promise in hand, with everything its email speaks of."""

    id: int
    key: str
    campaign: Campaign
    step: Step
    occurrence: str
    due_at: datetime
    attempts: int
    customer_id: int
    customer: Record
    manager: Record | None
    event: Record | None = None
    purchase: Record | None = None
    coupon: Record | None = None
    extra: dict[str, Any] = field(default_factory=dict)


_PROMISE = ("id", "campaign", "step", "occurrence", "due_at", "attempts", "source_id")
_CUSTOMER = (
    "external_id", "email", "name", "first_name", "last_name", "company", "phone", "locale", "timezone", "country",
    "birthday", "source", "created_at",
)  # fmt: skip
_MANAGER = ("name", "email", "title", "phone", "locale", "timezone")
_FACTS = ("purchases", "spent", "first_purchase_at", "last_purchase_at", "rhythm", "next_product_at")
PRODUCT = ("sku", "name", "category", "price", "currency", "url", "image_url")


def load(connection: Connection, ground: Ground, lives: Mapping[str, Live], ids: Sequence[int]) -> list[Job]:
    """The jobs of these promises, in the order of their importance."""
    facts = ground.facts
    # Facts may be a subquery with the names of a table: columns are labelled by where they come from.
    query = (
        select(
            *(promises.c[n].label(f"p_{n}") for n in _PROMISE),
            customers.c.id.label("c_id"), customers.c.attrs.label("c_attrs"),
            *(customers.c[n].label(f"c_{n}") for n in _CUSTOMER),
            *(managers.c[n].label(f"m_{n}") for n in ("external_id", *_MANAGER)),
            *(facts.c[n].label(f"f_{n}") for n in (*_FACTS, *PLAIN, "next_product_id")),
            worth.c.clv.label("w_clv"),
        )
        .select_from(
            promises.join(customers, customers.c.id == promises.c.customer_id)
            .join(facts, facts.c.customer_id == customers.c.id)
            .outerjoin(worth, worth.c.customer_id == customers.c.id)
            .outerjoin(managers, managers.c.id == customers.c.manager_id)
        )
        .where(promises.c.id.in_(ids))
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
    )  # fmt: skip
    rows = connection.execute(query).mappings().all()
    known = _products(connection, {r["f_next_product_id"] for r in rows} - {None})
    model = model_in_force(connection)
    jobs = [_job(row, ground, lives[row["p_campaign"]], known, model) for row in rows]
    _attach_accessories(connection, ground, jobs)
    sources = {row["p_id"]: row["p_source_id"] for row in rows if row["p_source_id"] is not None}
    _attach_sources(connection, jobs, sources)
    return jobs


def _job(row: RowMapping, ground: Ground, live: Live, known: Mapping[int, Record], model: Model | None) -> Job:
    steps = {step.key: step for step in live.campaign.all_steps}
    customer: dict[str, Any] = dict.fromkeys(ground.rulebook.fields)
    customer |= {k: v for k, v in (row["c_attrs"] or {}).items() if k in ground.rulebook.fields}
    customer |= {n: row[f"c_{n}"] for n in _CUSTOMER} | {n: row[f"f_{n}"] for n in _FACTS}
    fields = {**(row["c_attrs"] or {}), **{n: row[f"f_{n}"] for n in (*_FACTS, *PLAIN)}, "clv": row["w_clv"]}
    customer |= {name: finished(name, fields, model, to_micros(ground.now)) for name in FINISHED}
    customer["overdue"] = overdue(row["f_last_purchase_at"], row["f_rhythm"], ground.now)
    customer["next_product"] = known.get(row["f_next_product_id"])
    customer["manager"] = row["m_external_id"]
    manager = {n: row[f"m_{n}"] for n in _MANAGER} if row["m_name"] is not None else None
    return Job(
        row["p_id"], live.key, live.campaign, steps[row["p_step"]], row["p_occurrence"], row["p_due_at"],
        row["p_attempts"], row["c_id"], customer, manager,
    )  # fmt: skip


def overdue(last: datetime | None, rhythm: float | None, now: datetime) -> float | None:
    """Days since the last purchase, in units of the client's own rhythm."""
    return (to_micros(now) - to_micros(last)) / DAY / rhythm if last is not None and rhythm else None


def _products(connection: Connection, wanted: set[int]) -> dict[int, Record]:
    if not wanted:
        return {}
    rows = connection.execute(select(products).where(products.c.id.in_(wanted))).mappings()
    return {row["id"]: {n: row[n] for n in PRODUCT} for row in rows}


def _attach_accessories(connection: Connection, ground: Ground, jobs: Sequence[Job]) -> None:
    """In an email `accessories_missing` are the products, as `next_product` is one."""
    wanting = {job.customer_id for job in jobs if job.customer["accessories_missing"]}
    links = missing_accessories(connection, wanting, ground.now) if wanting else {}
    known = _products(connection, {one for some in links.values() for one in some})
    for job in jobs:
        job.customer = {
            **job.customer, "accessories_missing": [known[key] for key in links.get(job.customer_id, ())]
        }  # fmt: skip


def _attach_sources(connection: Connection, jobs: Sequence[Job], sources: Mapping[int, int]) -> None:
    for name in {job.campaign.on for job in jobs if job.campaign.on is not None}:
        mine = [job for job in jobs if job.campaign.on == name and job.id in sources]
        wanted = {sources[job.id] for job in mine}
        if name == PURCHASE:
            bought = _purchases(connection, wanted)
            for job in mine:
                job.purchase = bought.get(sources[job.id])
                job.event = job.purchase
            continue
        happened = happenings(name)
        rows = connection.execute(select(happened).where(happened.c.id.in_(wanted))).mappings()
        found = {row["id"]: {**(row["data"] or {}), "at": row["occurred_at"]} for row in rows}
        for job in mine:
            job.event = found.get(sources[job.id])


def _purchases(connection: Connection, wanted: set[int]) -> dict[int, Record]:
    lines: dict[int, list[Record]] = {}
    joined = purchase_lines.join(products, products.c.id == purchase_lines.c.product_id)
    query = (
        select(purchase_lines.c.purchase_id, products, purchase_lines.c.quantity, purchase_lines.c.amount)
        .select_from(joined)
        .where(purchase_lines.c.purchase_id.in_(wanted))
        .order_by(purchase_lines.c.purchase_id, purchase_lines.c.line)
    )
    for row in connection.execute(query).mappings():
        item = {n: row[n] for n in (*PRODUCT, "quantity", "amount")}
        lines.setdefault(row["purchase_id"], []).append(item)
    rows = connection.execute(select(purchases).where(purchases.c.id.in_(wanted))).mappings()
    return {
        row["id"]: {
            "at": row["occurred_at"], "amount": row["amount"], "currency": row["currency"],
            "quantity": row["quantity"], "discount": row["discount"], "products": lines.get(row["id"], []),
        }
        for row in rows
    }  # fmt: skip


def declared(event: Record | None, fields: Mapping[str, FieldType]) -> Record | None:
    """The event with every declared field present, none where it was not given."""
    return None if event is None else {**dict.fromkeys(fields), **event}
