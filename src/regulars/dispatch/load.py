"""Loads the data for rendering a batch of promises, in a few queries however large the batch is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from regulars.consent.preferences import objectors
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.coupons import assignment
from regulars.db.event_source import PURCHASE, event_source
from regulars.db.key_lists import among
from regulars.db.states import Reason
from regulars.db.tables import customers, products, promises, purchase_lines, purchases
from regulars.dispatch.client_records import PRODUCT, ClientFields, Record, by_id
from regulars.ledger.arms import arms_of_promises
from regulars.profile.next_product import missing_accessories
from regulars.profile.visits import MOVED as MOVED_VISIT
from regulars.profile.visits import STATUS_EVENTS, Visit, name_of, visits
from regulars.rules.model import Campaign, FieldType, Step
from regulars.triggers.kinds import trigger_of


@dataclass(slots=True)
class Job:
    """One claimed promise, with all data of its email; `campaign` and `step` are those of the client's variant."""

    id: int
    key: str
    campaign: Campaign
    step: Step
    occurrence: str
    due_at: datetime
    attempts: int
    customer_id: int
    uid: str
    """The client's uid."""
    message_id: str | None
    """The Message-ID of an earlier attempt, which stays even if the client was merged."""
    customer: Record
    manager: Record | None
    event: Record | None = None
    purchase: Record | None = None
    product: Record | None = None
    coupon: Record | None = None
    visit: Visit | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    measured: bool = False
    """Whether clicks and opens may be counted: the rules say so, and the client does not object."""
    copied: bool = True
    """Whether the manager may get a copy, where the rule says so."""
    variant: str | None = None
    """The variant of the campaign that the email is; None without one."""
    answers: Mapping[str, bool] | None = None
    """The answers to the email's questions about the client, by the text of the call; None where it asks none."""


_PROMISE = ("id", "campaign", "step", "occurrence", "due_at", "attempts", "customer_id", "source_id", "message_id")
Reads = Callable[[str], frozenset[str] | None]
"""The client fields that an email uses; None when unknown."""


def load(
    connection: Connection,
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    ids: Sequence[int],
    reads: Reads | None = None,
    steps: Collection[tuple[str, str]] = (),
    arm: str | None = None,
) -> list[Job]:
    """The jobs of these promises, by priority.

    Clients have the fields that `reads` names for the emails of `steps` (pairs of a campaign's key and a step), which
    are those of all the promises; without either, all fields. With `arm`, all clients are in that group.
    """
    chosen = among(promises.c.id, ids)
    field_names = _spoken_of(context, active_campaigns, steps, reads) if reads is not None and steps else None
    client_fields = ClientFields.of(field_names, context.rulebook.fields)
    query = (
        select(
            *(promises.c[n].label(f"p_{n}") for n in _PROMISE), customers.c.uid.label("p_uid"),
            *client_fields.columns(context.facts),
        )
        .select_from(client_fields.source(context.facts))
        .where(chosen)
        .order_by(promises.c.priority.desc(), promises.c.next_at, promises.c.id)
    )  # fmt: skip
    rows = connection.execute(query).all()
    people = client_fields.people(connection, context, [row[len(_PROMISE) + 1 :] for row in rows])
    varied = {key for key, active in active_campaigns.items() if active.campaign.variants}
    arms: Mapping[int, str] = dict.fromkeys(ids, arm) if arm is not None else arms_of_promises(connection, ids, varied)
    jobs = []
    known: dict[tuple[str, str, str | None], tuple[Campaign, Step]] = {}
    for row, (customer, manager) in zip(rows, people, strict=True):
        key, campaign, step, occurrence, due_at, attempts, customer_id, _, message_id, uid = row[:10]
        place = (campaign, step, arms.get(key))
        if place not in known:
            rule = active_campaigns[campaign].campaign.for_arm(place[2], step)
            known[place] = rule, rule.step(step)
        rule, one = known[place]
        jobs.append(
            Job(
                key, campaign, rule, one, occurrence, due_at, attempts, customer_id, uid, message_id,
                customer, manager, variant=rule.variant,
            )
        )  # fmt: skip
    if "accessories_missing" in client_fields.names:
        _attach_accessories(connection, context, jobs)
    _attach_sources(connection, context, jobs, {row[0]: row[7] for row in rows if row[7] is not None})
    _measure(connection, context, active_campaigns, jobs)
    return jobs


def _measure(
    connection: Connection, context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], jobs: Sequence[Job]
) -> None:
    """Sets for which emails clicks may be counted; no query where the rules count none."""
    counting = {key for key, found in active_campaigns.items() if found.campaign.measured(context.rulebook.policy)}
    chosen = [job for job in jobs if job.key in counting] if counting else []
    against = objectors(connection, {job.customer_id for job in chosen}) if chosen else set()
    for job in chosen:
        job.measured = job.customer_id not in against


def _spoken_of(
    context: PlanContext,
    active_campaigns: Mapping[str, ActiveCampaign],
    steps: Collection[tuple[str, str]],
    reads: Reads,
) -> frozenset[str] | None:
    """The fields that any email of these steps uses; None for all."""
    present = [
        (key, name) for key, name in steps if key in active_campaigns
    ]  # steps removed from the rules are not sent
    emails = {
        step.email
        for key, name in present
        for form in active_campaigns[key].campaign.forms
        for step in form.all_steps
        if step.key == name
    }
    found = [reads(email) for email in emails]
    known = [fields for fields in found if fields is not None]
    by_calendar = any(trigger_of(active_campaigns[key].campaign).subject.calendar_day for key, _ in present)
    own = frozenset({"country"}) if by_calendar else frozenset[str]()  # the calendar day depends on the country
    return own.union(*known) if len(known) == len(found) else None


def _attach_accessories(connection: Connection, context: PlanContext, jobs: Sequence[Job]) -> None:
    """In an email `accessories_missing` are the products, as `next_product` is one."""
    wanting = {job.customer_id for job in jobs if job.customer["accessories_missing"]}
    links = missing_accessories(connection, wanting, context.now) if wanting else {}
    known = by_id(connection, {one for some in links.values() for one in some})
    for job in jobs:
        job.customer = {
            **job.customer, "accessories_missing": [known[key] for key in links.get(job.customer_id, ())]
        }  # fmt: skip


def _attach_sources(
    connection: Connection, context: PlanContext, jobs: Sequence[Job], sources: Mapping[int, int]
) -> None:
    subjects = {key: trigger_of(campaign).subject for key, campaign in {job.key: job.campaign for job in jobs}.items()}
    launched = [job for job in jobs if subjects[job.key].product and job.id in sources]
    known = by_id(connection, {sources[job.id] for job in launched})
    for job in launched:
        job.product = known.get(sources[job.id])
    for name in {subject.event for subject in subjects.values() if subject.event is not None}:
        of_event = [job for job in jobs if subjects[job.key].event == name and job.id in sources]
        wanted = {sources[job.id] for job in of_event}
        if name == PURCHASE:
            bought = _purchases(connection, wanted)
            for job in of_event:
                job.purchase = bought.get(sources[job.id])
                job.event = job.purchase
            continue
        happened = event_source(name)
        rows = connection.execute(select(happened).where(happened.c.id.in_(wanted))).mappings().all()
        found = {row["id"]: {**(row["data"] or {}), "at": row["occurred_at"]} for row in rows}
        for job in of_event:
            job.event = found.get(sources[job.id])
        if name in STATUS_EVENTS or name == MOVED_VISIT:
            names = {row["id"]: name_of(row["data"] or {}, row["external_id"]) for row in rows}
            standing = visits(connection, {job.customer_id for job in of_event}, context.now)
            for job in of_event:
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
    """The event with every declared field present, none where missing."""
    return None if event is None else {**dict.fromkeys(fields), **event}


def attach_coupons(
    connection: Connection,
    jobs: Sequence[Job],
    now: datetime,
    zone: str,
    shows: Callable[[str], bool] = lambda email: True,
) -> dict[int, Reason]:
    """Assigns a coupon to every job with an offer; returns the ids of those without one, with reasons.

    `zone` is the company's, in which offers begin and end. A job whose email `shows` an expired coupon gets
    none.
    """
    wanted = {coupon_place(job): job.campaign.offer.coupon for job in jobs if job.campaign.offer is not None}
    if not wanted:
        return {}
    emails: dict[tuple[str, str], set[str]] = {}
    for (key, _), campaign in {(job.key, job.variant): job.campaign for job in jobs}.items():
        for step in campaign.all_steps:
            emails.setdefault((key, step.key), set()).add(step.email)

    def shown_by(campaign: str, step: str) -> bool:
        sent = emails.get((campaign, step))  # a step removed from the rule may have shown it
        return sent is None or any(map(shows, sent))

    own = {coupon_place(job): job.variant for job in jobs if job.variant is not None and job.campaign.own_offer}
    given = assignment.assign_coupons(connection, wanted, now, zone, shown_by, own)
    lacking: dict[int, Reason] = {}
    for job in jobs:
        if (row := given.rows.get(coupon_place(job))) is not None:
            if row["valid_until"] < now and shows(job.step.email):
                lacking[job.id] = Reason.OFFER_OVER
            job.coupon = assignment.template_values(row)
        elif (reason := given.refused.get(coupon_place(job))) is not None:
            lacking[job.id] = reason
    return lacking


def coupon_place(job: Job) -> assignment.CouponKey:
    """Whose coupon of which sequence the job's email shows."""
    return assignment.CouponKey(job.key, job.customer_id, job.occurrence)
