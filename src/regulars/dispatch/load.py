"""What a batch of promises is rendered with, fetched in a few set queries however large the batch is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from regulars.clearance import Ground, Live
from regulars.dispatch.clients import PRODUCT, Portrait, Record, by_id
from regulars.rules.model import Campaign, FieldType, Step
from regulars.store.following import missing_accessories
from regulars.store.happenings import PURCHASE, happenings
from regulars.store.keys import among
from regulars.store.tables import products, promises, purchase_lines, purchases
from regulars.store.visits import MOVED as MOVED_VISIT
from regulars.store.visits import TOLD, Visit, name_of, visits
from regulars.tracking import objectors


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
    product: Record | None = None
    coupon: Record | None = None
    visit: Visit | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    measured: bool = False
    """Whether clicks and the like may be counted: the rules say so, and the client does not object."""


_PROMISE = ("id", "campaign", "step", "occurrence", "due_at", "attempts", "customer_id", "source_id")
Reads = Callable[[str], frozenset[str] | None]
"""Which fields of the client an email speaks of; None where that cannot be told."""


def load(
    connection: Connection, ground: Ground, lives: Mapping[str, Live], ids: Sequence[int], reads: Reads | None = None,
    steps: Collection[tuple[str, str]] = (),
) -> list[Job]:  # fmt: skip
    """The jobs of these promises, the most important first.

    Clients have the fields that `reads` names for the emails of `steps` (pairs of a campaign's key and a step), which
    are those of all the promises; without either, all fields.
    """
    chosen = among(promises.c.id, ids)
    spoken_of = _spoken_of(ground, lives, steps, reads) if reads is not None and steps else None
    portrait = Portrait.of(spoken_of, ground.rulebook.fields)
    query = (
        select(*(promises.c[n].label(f"p_{n}") for n in _PROMISE), *portrait.columns(ground.facts))
        .select_from(portrait.source(ground.facts))
        .where(chosen)
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
    )
    rows = connection.execute(query).all()
    people = portrait.people(connection, ground, [row[len(_PROMISE) :] for row in rows])
    known = {key: {step.key: step for step in live.campaign.all_steps} for key, live in lives.items()}
    jobs = []
    for row, (customer, manager) in zip(rows, people, strict=True):
        key, campaign, step, occurrence, due_at, attempts, customer_id = row[:7]
        live = lives[campaign]
        jobs.append(
            Job(
                key, live.key, live.campaign, known[campaign][step], occurrence, due_at, attempts, customer_id,
                customer, manager,
            )
        )  # fmt: skip
    if "accessories_missing" in portrait.names:
        _attach_accessories(connection, ground, jobs)
    _attach_sources(connection, ground, jobs, {row[0]: row[7] for row in rows if row[7] is not None})
    _measure(connection, ground, lives, jobs)
    return jobs


def _measure(connection: Connection, ground: Ground, lives: Mapping[str, Live], jobs: Sequence[Job]) -> None:
    """Says of which emails clicks may be counted; asks nothing where the rules count none."""
    counting = {key for key, found in lives.items() if found.campaign.measured(ground.rulebook.policy)}
    chosen = [job for job in jobs if job.key in counting] if counting else []
    against = objectors(connection, {job.customer_id for job in chosen}) if chosen else set()
    for job in chosen:
        job.measured = job.customer_id not in against


def _spoken_of(
    ground: Ground, lives: Mapping[str, Live], steps: Collection[tuple[str, str]], reads: Reads
) -> frozenset[str] | None:
    """The fields that some email of these steps speaks of; None for all."""
    present = [(key, name) for key, name in steps if key in lives]  # what its rules no longer have is not sent
    emails = {step.email for key, name in present for step in lives[key].campaign.all_steps if step.key == name}
    found = [reads(email) for email in emails]
    known = [fields for fields in found if fields is not None]
    kept = any(ground.rulebook.feast(lives[key].campaign) for key, _ in present)
    own = frozenset({"country"}) if kept else frozenset[str]()  # whose day it is goes by the country
    return own.union(*known) if len(known) == len(found) else None


def _attach_accessories(connection: Connection, ground: Ground, jobs: Sequence[Job]) -> None:
    """In an email `accessories_missing` are the products, as `next_product` is one."""
    wanting = {job.customer_id for job in jobs if job.customer["accessories_missing"]}
    links = missing_accessories(connection, wanting, ground.now) if wanting else {}
    known = by_id(connection, {one for some in links.values() for one in some})
    for job in jobs:
        job.customer = {
            **job.customer, "accessories_missing": [known[key] for key in links.get(job.customer_id, ())]
        }  # fmt: skip


def _attach_sources(connection: Connection, ground: Ground, jobs: Sequence[Job], sources: Mapping[int, int]) -> None:
    launched = [job for job in jobs if job.campaign.new is not None and job.id in sources]
    known = by_id(connection, {sources[job.id] for job in launched})
    for job in launched:
        job.product = known.get(sources[job.id])
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
        rows = connection.execute(select(happened).where(happened.c.id.in_(wanted))).mappings().all()
        found = {row["id"]: {**(row["data"] or {}), "at": row["occurred_at"]} for row in rows}
        for job in mine:
            job.event = found.get(sources[job.id])
        if name in TOLD or name == MOVED_VISIT:
            names = {row["id"]: name_of(row["data"] or {}, row["external_id"]) for row in rows}
            standing = visits(connection, {job.customer_id for job in mine}, ground.now)
            for job in mine:
                job.visit = standing.get((job.customer_id, names.get(sources[job.id], "")))


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
