"""One plain sentence about one campaign and one client: what became of it, what comes next, or why nothing does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regulars.audience.clauses import Clause
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.working import Wait
from regulars.db.json_fields import readable_micros
from regulars.db.states import Reason, State
from regulars.db.types import from_micros
from regulars.explain import queries
from regulars.explain.queries import Row, Stay
from regulars.explain.sentences import because, day, when, why_not
from regulars.ledger.claims import in_hand
from regulars.profile.visits import BOOKED, visits
from regulars.rules.model import Campaign
from regulars.triggers.dates import due_times
from regulars.triggers.state_changes import StateOf, kept_date, kept_dates, state_changes

HORIZON = timedelta(days=400)
"""How far ahead the next date is looked for."""


@dataclass(frozen=True, slots=True)
class ExplainedClient:
    """What is known: the ledger before and after a plan now, the stay in the state, the conditions' values."""

    context: PlanContext
    active: ActiveCampaign
    person: Person
    before: Sequence[Row]
    after: Sequence[Row]
    changed: Sequence[Row]
    stay: Stay | None
    clauses: Mapping[str, Clause]
    names: Mapping[str, str]

    @property
    def campaign(self) -> Campaign:
        """The rule."""
        return self.active.campaign

    @property
    def zone(self) -> str:
        """The client's clock."""
        return str(self.person.fields.get("timezone") or self.person.zone)

    def after_wait(self, moment: datetime, wait: Wait) -> datetime:
        """When a wait that began at `moment` is over."""
        return self.context.rulebook.company.working_time.after(moment, wait)

    def when(self, moment: datetime) -> str:
        """An instant on the client's clock."""
        return when(moment, self.zone)

    def why(self, row: Row) -> str:
        """A row's reason in words."""
        detail = self.names.get(row.detail or "", row.detail)
        return because(row.reason, detail)


@dataclass(frozen=True, slots=True)
class CampaignExplanation:
    """The sentence, and when an email may become due if nothing else happens."""

    sentence: str
    due_from: datetime | None = None


def explain_campaign(case: ExplainedClient) -> CampaignExplanation:
    """What matters most first: what is under way, what was just decided, what is to come."""
    if not case.campaign.enabled:
        return CampaignExplanation(f"{_last(case)}Not due: the campaign is switched off.")
    return _under_way(case) or _decided(case) or _between_steps(case) or _told(case) or _to_come(case)


def _under_way(case: ExplainedClient) -> CampaignExplanation | None:
    for row in case.after:
        if row.state == State.PLANNED:
            going = row.id in in_hand(case.context.connection)
            return CampaignExplanation(
                f"`{row.step}` is being sent." if going else f"Due now: `{row.step}` may go.", case.context.now
            )
    for row in case.after:
        if row.state == State.HELD:
            return CampaignExplanation(
                f"`{row.step}` waits until {case.when(row.next_at)}: {case.why(row)}.", row.next_at
            )
    return None


def _decided(case: ExplainedClient) -> CampaignExplanation | None:
    skipped = [row for row in case.changed if row.state == State.SKIPPED]
    return (
        CampaignExplanation(f"`{skipped[-1].step}` is due but will not go: {case.why(skipped[-1])}.")
        if skipped
        else None
    )


def _between_steps(case: ExplainedClient) -> CampaignExplanation | None:
    """The wait between two emails of a sequence."""
    for before, step in case.campaign.following:
        for row in reversed(case.after):
            went = row.state in (State.SENT, State.UNCERTAIN) or row.reason == Reason.STEP_CONDITION
            known = step.at is not None or _known(case, step.key, row.occurrence)
            if row.step == before.key and went and not known and row.settled_at is not None:
                due = case.after_wait(row.settled_at, step.wait)
                if due > case.context.now:
                    end = f", unless there is a `{case.campaign.until.event}` before" if case.campaign.until else ""
                    return CampaignExplanation(
                        f"{_ended(case, row)} `{step.key}` follows on {case.when(due)}{end}.", due
                    )
    return None


def _known(case: ExplainedClient, step: str, occurrence: str) -> bool:
    return any(row.step == step and row.occurrence == occurrence for row in case.after)


def _told(case: ExplainedClient) -> CampaignExplanation | None:
    """The next email that goes by an instant of an event, if none has come in the event's place."""
    timed = [step for step in case.campaign.all_steps if step.at is not None]
    name, now, key = case.campaign.on, case.context.now, case.context.only
    if not timed or name is None or key is None:
        return None
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return None
    standing = {each.booking: each for each in visits(case.context.connection, [key], now).values()}
    found = []
    for event in queries.events_of(case.context.connection, name, key, now):
        if name == BOOKED and (event.external_id not in standing or standing[event.external_id].cancelled_by):
            continue
        for step in timed:
            assert step.at is not None
            told = readable_micros(event.data.get(step.at.field))
            if told is not None and not _known(case, step.key, event.external_id):
                found.append((from_micros(told) + step.at.offset, step))
    ahead = [each for each in found if each[0] > now]
    if not ahead:
        return None
    due, step = min(ahead, key=lambda each: each[0])
    return CampaignExplanation(f"{_last(case)}`{step.key}` is due on {case.when(due)}: {step.at}.", due)


def _to_come(case: ExplainedClient) -> CampaignExplanation:
    found: Callable[[ExplainedClient], CampaignExplanation] = {
        "on": _event, "when": _state, "each": _value, "new": _launch, "every": _date, "at": _time, "schedule": _time
    }[case.campaign.trigger]  # fmt: skip
    told = found(case)
    return CampaignExplanation(f"{_last(case)}{told.sentence}", told.due_from)


def _last(case: ExplainedClient) -> str:
    """What became of the latest promise, as a sentence of its own."""
    return f"{_ended(case, case.after[-1])} " if case.after else ""


def _ended(case: ExplainedClient, row: Row) -> str:
    at = case.when(row.settled_at or row.due_at)
    match row.state:
        case State.SENT:
            return f"`{row.step}` was sent on {at}."
        case State.SKIPPED:
            return f"`{row.step}` was skipped on {at}: {case.why(row)}."
        case State.UNCERTAIN:
            return f"`{row.step}` may have been sent on {at}: {case.why(row)}."
    return f"`{row.step}` {row.state} on {at}: {case.why(row)}."


def _event(case: ExplainedClient) -> CampaignExplanation:
    name, now = case.campaign.on, case.context.now
    assert name is not None
    assert case.context.only is not None
    first = case.campaign.all_steps[0]
    latest = queries.events_of(case.context.connection, name, case.context.only, now)
    if not latest:
        return CampaignExplanation(f"Not due: there was no `{name}`.")
    due, said = (
        case.after_wait(latest[0].at, case.campaign.lead),
        f"the latest `{name}` was on {case.when(latest[0].at)}",
    )
    if any(row.occurrence == latest[0].external_id for row in case.after):
        return CampaignExplanation(f"Nothing more to come: {said}.")
    if first.at is not None:
        return CampaignExplanation(f"Not due: {said}, and {first.at} is past, or was before the rule came into force.")
    if due > now:
        return CampaignExplanation(f"Not due yet: {said}; due on {case.when(due)}.", due)
    if due <= case.active.since and case.active.since.year > 1970:
        return CampaignExplanation(
            f"Not due: {said}, before the rule came into force on {day(case.active.since, case.zone)}."
        )
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return CampaignExplanation(f"Not due: {why_not(audience)}.")
    return CampaignExplanation(f"Not due: {said}, too long ago.")


def _state(case: ExplainedClient) -> CampaignExplanation:
    now, pause = case.context.now, case.campaign.reentry.after
    had = [row for row in case.after if row.state not in (State.SKIPPED, State.FAILED)]
    if pause is None and had:
        return CampaignExplanation("It comes once only.")
    free = had[-1].due_at + pause if had and pause else None
    false = next((clause for clause in case.clauses.values() if clause.value is not True), None)
    if false is not None:
        turn = next(state_changes(StateOf.of(case.context.rules, case.campaign), case.person, now, now + HORIZON), None)
        if turn is None:
            return CampaignExplanation(f"Not due: {why_not(false)}.")
        due = case.after_wait(turn, case.campaign.lead)
        due = max(due, free) if free else due
        return CampaignExplanation(f"Not due: {why_not(false)}; becomes due on {day(due, case.zone)} {_if(case)}.", due)
    if case.stay is None or case.stay.left_at is not None:
        return CampaignExplanation("Not due.")
    since = f"has been in the state since {case.when(case.stay.entered_at)}"
    if case.stay.baseline:
        return CampaignExplanation(
            f"Not due: was past it when the rule came into force on {day(case.active.applied_at, case.zone)},"
            " and is left alone until it ends and begins again."
        )
    if any(row.due_at >= case.stay.entered_at for row in case.after):
        return CampaignExplanation(f"Nothing more to come: {since}.")
    due = case.after_wait(case.stay.entered_at, case.campaign.lead)
    due = max(due, free) if free else due
    return CampaignExplanation(f"Not due yet: {since}; due on {case.when(due)}.", due)


def _value(case: ExplainedClient) -> CampaignExplanation:
    assert case.context.only is not None
    watched, name = case.campaign.each, case.campaign.name
    value = queries.value(case.context, name, case.context.only)
    if value is None:
        return CampaignExplanation(f"Not due: `{watched}` has no value.")
    seen = queries.seen(case.context.connection, case.active.key, case.context.only, value)
    audience = case.clauses.get("audience")
    if seen is None:
        return CampaignExplanation(f"Not due: {why_not(audience)}." if audience is not None else "Not due.")
    at, baseline = seen
    if baseline:
        came = day(case.active.applied_at, case.zone)
        return CampaignExplanation(f"Not due: `{watched}` was {value} when the rule came into force on {came}.")
    due = case.after_wait(at, case.campaign.lead)
    said = f"`{watched}` is {value} since {case.when(at)}"
    if due > case.context.now:
        return CampaignExplanation(f"Not due yet: {said}; due on {case.when(due)}.", due)
    return CampaignExplanation(f"Nothing more to come: {said}.")


def _launch(case: ExplainedClient) -> CampaignExplanation:
    product = queries.launched(case.context.connection, case.context.now)
    if product is None:
        return CampaignExplanation("Not due: no product was launched yet.")
    launched = product["launched_at"]
    said = f"the latest product, `{product['sku']}`, was launched on {case.when(launched)}"
    due = case.after_wait(launched, case.campaign.lead)
    if any(row.occurrence == product["sku"] for row in case.after):
        return CampaignExplanation(f"Nothing more to come: {said}.")
    if due > case.context.now:
        return CampaignExplanation(f"Not due yet: {said}; due on {case.when(due)}.", due)
    if due <= case.active.since:
        return CampaignExplanation(
            f"Not due: {said}, before the rule came into force on {day(case.active.since, case.zone)}."
        )
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return CampaignExplanation(f"Not due: {why_not(audience)}.")
    if case.campaign.waves and due > case.context.now - case.campaign.patience(case.context.rulebook.policy):
        return CampaignExplanation(f"Not due: {said}, and they belong to none of the waves.")
    return CampaignExplanation(f"Not due: {said}, too long ago.")


def _if(case: ExplainedClient) -> str:
    """What must not happen in the meantime."""
    conditions = StateOf.of(case.context.rules, case.campaign).parts
    bought = {"purchases", "spent", "last_purchase_at", "rhythm", "overdue", "next_product", "next_product_at"}
    if any(part.fields & bought or "purchase" in part.events for part in conditions):
        return "if they do not buy"
    return "if nothing else happens"


def _date(case: ExplainedClient) -> CampaignExplanation:
    every, now = case.campaign.every, case.context.now
    assert every is not None
    if every.calendar is None and kept_date(case.person, every.field) is None:
        return CampaignExplanation(f"Not due: `customer.{every.field}` is not known.")
    until = now + timedelta(days=31 * every.months + 60)
    due = next(kept_dates(case.campaign, case.context.rulebook, case.person, now, until), None)
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return CampaignExplanation(f"Not due: {why_not(audience)}.")
    return (
        CampaignExplanation(f"Not due: next on {case.when(due)}.", due)
        if due
        else CampaignExplanation(
            "Not due: their country keeps no such day." if every.calendar else "Not due: its date is yet far off."
        )
    )


def _time(case: ExplainedClient) -> CampaignExplanation:
    campaign, now = case.campaign, case.context.now
    times = due_times(campaign, case.context.rulebook, (case.zone,), now, now + HORIZON)
    due = min((time.due_at for time in times), default=None)
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return CampaignExplanation(f"Not due: {why_not(audience)}.")
    return (
        CampaignExplanation(f"Not due: next on {case.when(due)}.", due)
        if due
        else CampaignExplanation("Not due: its dates are past.")
    )
