"""An email as a client would get it, rendered by the functions that send; and sending it as a test.

For a client whose promise is in the ledger the bytes are those that are sent at the same `now`. With a
temporary promise its links lead nowhere: no later promise may accept them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from regulars.context.active_campaign import load_active_campaigns
from regulars.context.plan_context import plan_context
from regulars.core import ids
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.core.settings import Settings
from regulars.coupons.assignment import received, sample_code, sample_coupon
from regulars.db import engine as db
from regulars.db.event_source import PURCHASE
from regulars.delivery.parcel import Parcel, Result
from regulars.dispatch.client_answers import ClientQuestions
from regulars.dispatch.compose import Composed, compose
from regulars.dispatch.dispatcher import Rules
from regulars.dispatch.lane import Lane
from regulars.dispatch.load import Job, attach_coupons, coupon_place, load
from regulars.dispatch.template_context import template_values
from regulars.explain import queries
from regulars.explain.sentences import because
from regulars.ledger.arms import arm_of_client
from regulars.planner.activation import activate
from regulars.preview.stand_in import latest_place, stand_in
from regulars.profile.visits import BOOKED, STATUS_EVENTS, visit_of_booking, with_event
from regulars.render.mailbox import Mailbox
from regulars.render.mime import Letter, assemble
from regulars.rules.fields import CUSTOMER, empty_value
from regulars.rules.model import Campaign, Step
from regulars.triggers.kinds import trigger_of

NO_PROMISE = 0
"""The promise id in links of a temporary promise: no promise ever has this number."""
NO_ADDRESS = "no-address@example.invalid"
_MANAGER = ("name", "email", "title", "phone", "locale", "timezone")

_Noted = tuple[Job, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Preview:
    """One email in all its forms. `eml` is the whole message; `sender`, `to`, `cc` are mailboxes as text."""

    campaign: str
    step: str
    variant: str | None
    email: str
    locale: str
    subject: str
    preheader: str
    html: str
    text: str
    eml: bytes
    sender: str
    to: str
    cc: Sequence[str]
    warnings: Sequence[str]
    letter: Letter = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data; the message itself is left out."""
        names = ("campaign", "step", "variant", "email", "locale", "subject", "preheader", "html", "text", "to")
        found: dict[str, Any] = {name: getattr(self, name) for name in names}
        return found | {"from": self.sender, "cc": list(self.cc), "warnings": list(self.warnings)}


def preview(
    engine: Engine | None, workspace: Rules, campaign: str, *, customer: str | None, step: str | None, now: datetime,
    locale: str | None, settings: Settings, variant: str | None = None,
) -> list[Preview]:  # fmt: skip
    """The emails of a campaign, or of one step: for a client (external id or address), or with the sample's data.

    Without `variant`, those of the client's variant, or of all variants for the sample.

    Raises NotFound for unknown names, RenderFailed or Invalid for an email that cannot be rendered.
    """
    return _previews(
        engine, workspace, campaign, customer, step, now, locale, settings, variant=variant, detached=False
    )


async def send_test(
    engine: Engine | None, workspace: Rules, campaign: str, to: str, lanes: Sequence[Lane], *, customer: str | None,
    step: str | None, now: datetime, locale: str | None, settings: Settings, variant: str | None = None,
) -> list[tuple[Preview, Result]]:  # fmt: skip
    """Sends the previews to one address by the campaign's lane, marked as a test.

    Nothing is written to the ledger, and its links do not work.

    Raises ValueError for an invalid address.
    """
    found = _previews(
        engine, workspace, campaign, customer, step, now, locale, settings, variant=variant, detached=True
    )
    letters = [_marked(one, Mailbox("", to), now) for one in found]
    parcels = [
        Parcel(number, letter.sender.wire, letter.recipients, assemble(letter), letter.needs_smtputf8)
        for number, letter in enumerate(letters)
    ]
    kind = workspace.rulebook.campaigns[campaign].kind
    transport = next(lane.transport for lane in lanes if kind in lane.kinds)
    results = {result.key: result for result in (await transport.deliver(parcels)).results}
    return [(one, results[number]) for number, one in enumerate(found)]


def _marked(one: Preview, to: Mailbox, now: datetime) -> Letter:
    domain = one.letter.message_id.strip("<>").rpartition("@")[2]
    return replace(
        one.letter, to=to, cc=(), subject=f"[Test] {one.subject}", unsubscribe_url=None, unsubscribe_mailto=None,
        message_id=ids.message_id(f"test/{one.letter.message_id}/{to.address}/{now.isoformat()}", domain),
        headers=(("X-Regulars-Test", f"{one.campaign}/{one.step}"),),
    )  # fmt: skip


def _previews(
    engine: Engine | None, workspace: Rules, campaign: str, customer: str | None, step: str | None, now: datetime,
    locale: str | None, settings: Settings, *, variant: str | None, detached: bool,
) -> list[Preview]:  # fmt: skip
    names = workspace.rulebook.campaigns
    if campaign not in names:
        raise NotFound("campaign", campaign, nearest(campaign, names))
    rule = names[campaign]
    keys = [one.key for one in rule.all_steps]
    if step is not None and step not in keys:
        raise NotFound(f"step of `{campaign}`", step, nearest(step, keys))
    chosen = [key for key in keys if step in (None, key)]
    if variant is not None and variant not in rule.by_variant:
        raise NotFound(f"variant of `{campaign}`", variant, nearest(variant, rule.by_variant))
    if customer is None:
        forms = [form for name, form in rule.by_variant.items() if variant in (None, name)] or [rule]
        jobs: list[_Noted] = [
            (_sampled(workspace, form, form.step(key), now), ()) for form in forms for key in chosen if form.has(key)
        ]
    elif engine is None:
        raise NotFound("customer (there is no database)", customer)
    else:
        with db.dry_run(engine) as connection:
            jobs = _jobs(connection, workspace, campaign, chosen, customer, now, variant)
    return [_preview(_suited(job, locale, detached), workspace, now, settings, notes) for job, notes in jobs]


def _preview(job: Job, workspace: Rules, now: datetime, settings: Settings, notes: Sequence[str]) -> Preview:
    recipient = job.manager if job.campaign.to == "manager" else job.customer
    if recipient is None:
        raise NotFound("manager of", str(job.customer["external_id"]))
    if job.campaign.to == "customer" and not job.customer["email"]:
        job.customer = {**job.customer, "email": NO_ADDRESS}
    made: Composed = compose(job, workspace, now, settings.web_url, settings.secret)
    letter, rendered = made.letter, made.rendered
    return Preview(
        job.campaign.name, job.step.key, job.campaign.variant, job.step.email, rendered.locale, rendered.subject,
        rendered.preheader, rendered.html, rendered.text, made.parcel.data, str(letter.sender), str(letter.to),
        tuple(str(box) for box in letter.cc), (*rendered.warnings, *notes), letter,
    )  # fmt: skip


def _suited(job: Job, locale: str | None, detached: bool) -> Job:
    if detached:
        job.id, job.measured = NO_PROMISE, False  # no email was sent that a click could belong to
        _show_sample_code(job)
    if locale is not None:
        job.customer = {**job.customer, "locale": locale}
        job.manager = None if job.manager is None else {**job.manager, "locale": locale}
    return job


# ---------------------------------------------------------------- a real client


def _jobs(
    connection: Connection, rules: Rules, campaign: str, steps: Sequence[str], customer: str, now: datetime,
    variant: str | None,
) -> list[_Noted]:  # fmt: skip
    activate(connection, rules.rulebook, now)
    active_campaigns = load_active_campaigns(connection, rules.rulebook)
    key = next(key for key, found in active_campaigns.items() if found.campaign.name == campaign)
    customer_id = queries.find(connection, customer)
    context = plan_context(connection, rules, now)
    forbidden = queries.missing_right(context, active_campaigns[key], customer_id)
    notes = (f"it would not be sent now: {because(forbidden, None)}",) if forbidden else ()
    arm = variant or arm_of_client(connection, key, active_campaigns[key].campaign, customer_id)[0]
    jobs: list[_Noted] = []
    for step in steps:
        place = latest_place(connection, active_campaigns[key], step, customer_id, now)
        promise = place.promise or stand_in(connection, active_campaigns[key], step, customer_id, place, now)
        found = load(connection, context, active_campaigns, [promise], arm=arm)
        ClientQuestions(rules).answer(context, found)
        zone = rules.rulebook.company.timezone
        lacking = attach_coupons(connection, found, now, zone, rules.templates.shows_coupon)
        _hide_codes(connection, found)
        for job in found:
            short = (f"it would not be sent now: {because(lacking[job.id], None)}",) if job.id in lacking else ()
            if job.campaign.offer is not None and job.id in lacking:
                job.coupon = sample_coupon(job.campaign.offer.coupon, now, zone, job.customer["timezone"])
            job.id = place.promise or NO_PROMISE
            jobs.append((job, (*notes, *short)))
    for job, _ in jobs:
        subject = trigger_of(job.campaign).subject
        if subject.product and job.product is None:
            job.product = rules.templates.sample(job.step.email).get("product")
        if subject.event is not None and job.event is None:  # the email needs an event
            _with_event(job, rules.templates.sample(job.step.email))
    return jobs


def _hide_codes(connection: Connection, jobs: Sequence[Job]) -> None:
    """Shows only codes that the client has had by email; any other code may go to another client."""
    places = {job.id: coupon_place(job) for job in jobs if job.coupon is not None}
    had = received(connection, places.values())
    for job in jobs:
        offer = job.campaign.offer
        if job.id in places and places[job.id] not in had and offer is not None and offer.coupon.shared is None:
            _show_sample_code(job)


def _show_sample_code(job: Job) -> None:
    if job.coupon is not None and job.campaign.offer is not None:
        job.coupon = {**job.coupon, "code": sample_code(job.campaign.offer.coupon)}


# ---------------------------------------------------------------- the sample


def sampled_values(
    workspace: Rules, campaign: Campaign, step: Step, now: datetime, locale: str, settings: Settings
) -> dict[str, Any]:
    """What a template sees with the sample's data. `campaign` is in the form of the variant."""
    job = _suited(_sampled(workspace, campaign, step, now), locale, detached=False)
    if not job.customer["email"]:
        job.customer = {**job.customer, "email": NO_ADDRESS}
    email = workspace.templates.compiled(step.email, locale)
    return template_values(job, workspace.rulebook, now, settings.web_url, settings.secret, email.locale)


def _sampled(workspace: Rules, campaign: Campaign, step: Step, now: datetime) -> Job:
    """A job from the email's sample, with the campaign's own offer."""
    sample = workspace.templates.sample(step.email)
    own = {name: empty_value(kind) for name, kind in workspace.rulebook.fields.items()}
    customer: dict[str, Any] = {**dict.fromkeys(CUSTOMER), **own, **(sample.get("customer") or {})}
    manager = sample.get("manager")
    job = Job(
        NO_PROMISE, campaign.name, campaign, step, "sample", now, 0, 0, "sample", None, customer,
        None if manager is None else {**dict.fromkeys(_MANAGER), **manager},
    )  # fmt: skip
    subject = trigger_of(campaign).subject
    if subject.event is not None:
        _with_event(job, sample)
    if subject.product:
        job.product = sample.get("product")
    if campaign.offer is not None:
        zone = workspace.rulebook.company.timezone
        job.coupon = sample_coupon(campaign.offer.coupon, now, zone, customer.get("timezone"))
    return job


def _with_event(job: Job, sample: Mapping[str, Any]) -> None:
    if job.campaign.on == PURCHASE:
        job.purchase = job.event = sample.get("purchase")
    else:
        job.event = sample.get("event")
        on = job.campaign.on
        if on in STATUS_EVENTS and job.event is not None:
            visit = visit_of_booking(
                job.customer_id, "sample", job.due_at, {**(sample.get("visit") or {}), **job.event}
            )
            job.visit = visit if on == BOOKED else with_event(visit, on, job.event)
