"""One plain sentence about one campaign and one client: what became of it, what comes next, or why nothing does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from regulars.audience import Clause, Person
from regulars.clearance import Ground, Live
from regulars.core.working import Wait
from regulars.ledger import Reason, State, in_hand
from regulars.planner.dates import due_times
from regulars.rehearsal import dossier
from regulars.rehearsal.dossier import Row, Stay
from regulars.rehearsal.sentences import because, day, when, why_not
from regulars.rehearsal.turning import StateOf, kept_date, rounds, turns
from regulars.rules.model import Campaign
from regulars.store.fields import readable_micros
from regulars.store.types import from_micros
from regulars.store.visits import BOOKED, visits

HORIZON = timedelta(days=400)
"""How far ahead the next date is looked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known: the ledger before and after a plan now, the stay in the state, the conditions' values."""

    ground: Ground
    live: Live
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
        return self.live.campaign

    @property
    def zone(self) -> str:
        """The client's clock."""
        return str(self.person.fields.get("timezone") or self.person.zone)

    def after_wait(self, moment: datetime, wait: Wait) -> datetime:
        """When a wait that began at `moment` is over."""
        return self.ground.rulebook.company.working_time.after(moment, wait)

    def when(self, moment: datetime) -> str:
        """An instant on the client's clock."""
        return when(moment, self.zone)

    def why(self, row: Row) -> str:
        """A row's reason in words."""
        detail = self.names.get(row.detail or "", row.detail)
        return because(row.reason, detail)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The sentence, and when an email may become due if nothing else happens."""

    sentence: str
    due_from: datetime | None = None


def outlook(case: Case) -> Outlook:
    """What matters most first: what is under way, what was just decided, what is to come."""
    if not case.campaign.enabled:
        return Outlook(f"{_last(case)}Not due: the campaign is switched off.")
    return _under_way(case) or _decided(case) or _between_steps(case) or _told(case) or _to_come(case)


def _under_way(case: Case) -> Outlook | None:
    for row in case.after:
        if row.state == State.PLANNED:
            going = row.id in in_hand(case.ground.connection)
            return Outlook(
                f"`{row.step}` is being sent." if going else f"Due now: `{row.step}` may go.", case.ground.now
            )
    for row in case.after:
        if row.state == State.HELD:
            return Outlook(f"`{row.step}` waits until {case.when(row.next_at)}: {case.why(row)}.", row.next_at)
    return None


def _decided(case: Case) -> Outlook | None:
    skipped = [row for row in case.changed if row.state == State.SKIPPED]
    return Outlook(f"`{skipped[-1].step}` is due but will not go: {case.why(skipped[-1])}.") if skipped else None


def _between_steps(case: Case) -> Outlook | None:
    """The wait between two emails of a sequence."""
    for before, step in case.campaign.following:
        for row in reversed(case.after):
            went = row.state in (State.SENT, State.UNCERTAIN) or row.reason == Reason.STEP_CONDITION
            known = step.at is not None or _known(case, step.key, row.occurrence)
            if row.step == before.key and went and not known and row.settled_at is not None:
                due = case.after_wait(row.settled_at, step.wait)
                if due > case.ground.now:
                    end = f", unless there is a `{case.campaign.until.event}` before" if case.campaign.until else ""
                    return Outlook(f"{_ended(case, row)} `{step.key}` follows on {case.when(due)}{end}.", due)
    return None


def _known(case: Case, step: str, occurrence: str) -> bool:
    return any(row.step == step and row.occurrence == occurrence for row in case.after)


def _told(case: Case) -> Outlook | None:
    """The next email that goes by an instant of an event, if none has come in the event's place."""
    timed = [step for step in case.campaign.all_steps if step.at is not None]
    name, now, key = case.campaign.on, case.ground.now, case.ground.only
    if not timed or name is None or key is None:
        return None
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return None
    standing = {each.booking: each for each in visits(case.ground.connection, [key], now).values()}
    found = []
    for event in dossier.happened(case.ground.connection, name, key, now):
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
    return Outlook(f"{_last(case)}`{step.key}` is due on {case.when(due)}: {step.at}.", due)


def _to_come(case: Case) -> Outlook:
    found: Callable[[Case], Outlook] = {
        "on": _event, "when": _state, "each": _value, "new": _launch, "every": _date, "at": _time, "schedule": _time
    }[case.campaign.trigger]  # fmt: skip
    told = found(case)
    return Outlook(f"{_last(case)}{told.sentence}", told.due_from)


def _last(case: Case) -> str:
    """What became of the latest promise, as a sentence of its own."""
    return f"{_ended(case, case.after[-1])} " if case.after else ""


def _ended(case: Case, row: Row) -> str:
    at = case.when(row.settled_at or row.due_at)
    match row.state:
        case State.SENT:
            return f"`{row.step}` was sent on {at}."
        case State.SKIPPED:
            return f"`{row.step}` was skipped on {at}: {case.why(row)}."
        case State.UNCERTAIN:
            return f"`{row.step}` may have been sent on {at}: {case.why(row)}."
    return f"`{row.step}` {row.state} on {at}: {case.why(row)}."


def _event(case: Case) -> Outlook:
    name, now = case.campaign.on, case.ground.now
    assert name is not None
    assert case.ground.only is not None
    first = case.campaign.all_steps[0]
    latest = dossier.happened(case.ground.connection, name, case.ground.only, now)
    if not latest:
        return Outlook(f"Not due: there was no `{name}`.")
    due, said = (
        case.after_wait(latest[0].at, case.campaign.lead),
        f"the latest `{name}` was on {case.when(latest[0].at)}",
    )
    if any(row.occurrence == latest[0].external_id for row in case.after):
        return Outlook(f"Nothing more to come: {said}.")
    if first.at is not None:
        return Outlook(f"Not due: {said}, and {first.at} is past, or was before the rule came into force.")
    if due > now:
        return Outlook(f"Not due yet: {said}; due on {case.when(due)}.", due)
    if due <= case.live.since and case.live.since.year > 1970:
        return Outlook(f"Not due: {said}, before the rule came into force on {day(case.live.since, case.zone)}.")
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return Outlook(f"Not due: {why_not(audience)}.")
    return Outlook(f"Not due: {said}, too long ago.")


def _state(case: Case) -> Outlook:
    now, pause = case.ground.now, case.campaign.reentry.after
    had = [row for row in case.after if row.state not in (State.SKIPPED, State.FAILED)]
    if pause is None and had:
        return Outlook("It comes once only.")
    free = had[-1].due_at + pause if had and pause else None
    false = next((clause for clause in case.clauses.values() if clause.value is not True), None)
    if false is not None:
        turn = next(turns(StateOf.of(case.ground.rules, case.campaign), case.person, now, now + HORIZON), None)
        if turn is None:
            return Outlook(f"Not due: {why_not(false)}.")
        due = case.after_wait(turn, case.campaign.lead)
        due = max(due, free) if free else due
        return Outlook(f"Not due: {why_not(false)}; becomes due on {day(due, case.zone)} {_if(case)}.", due)
    if case.stay is None or case.stay.left_at is not None:
        return Outlook("Not due.")
    since = f"has been in the state since {case.when(case.stay.entered_at)}"
    if case.stay.baseline:
        return Outlook(
            f"Not due: was past it when the rule came into force on {day(case.live.applied_at, case.zone)},"
            " and is left alone until it ends and begins again."
        )
    if any(row.due_at >= case.stay.entered_at for row in case.after):
        return Outlook(f"Nothing more to come: {since}.")
    due = case.after_wait(case.stay.entered_at, case.campaign.lead)
    due = max(due, free) if free else due
    return Outlook(f"Not due yet: {since}; due on {case.when(due)}.", due)


def _value(case: Case) -> Outlook:
    assert case.ground.only is not None
    watched, name = case.campaign.each, case.campaign.name
    value = dossier.value(case.ground, name, case.ground.only)
    if value is None:
        return Outlook(f"Not due: `{watched}` has no value.")
    seen = dossier.seen(case.ground.connection, case.live.key, case.ground.only, value)
    audience = case.clauses.get("audience")
    if seen is None:
        return Outlook(f"Not due: {why_not(audience)}." if audience is not None else "Not due.")
    at, baseline = seen
    if baseline:
        came = day(case.live.applied_at, case.zone)
        return Outlook(f"Not due: `{watched}` was {value} when the rule came into force on {came}.")
    due = case.after_wait(at, case.campaign.lead)
    said = f"`{watched}` is {value} since {case.when(at)}"
    if due > case.ground.now:
        return Outlook(f"Not due yet: {said}; due on {case.when(due)}.", due)
    return Outlook(f"Nothing more to come: {said}.")


def _launch(case: Case) -> Outlook:
    product = dossier.launched(case.ground.connection, case.ground.now)
    if product is None:
        return Outlook("Not due: no product was launched yet.")
    launched = product["launched_at"]
    said = f"the latest product, `{product['sku']}`, was launched on {case.when(launched)}"
    due = case.after_wait(launched, case.campaign.lead)
    if any(row.occurrence == product["sku"] for row in case.after):
        return Outlook(f"Nothing more to come: {said}.")
    if due > case.ground.now:
        return Outlook(f"Not due yet: {said}; due on {case.when(due)}.", due)
    if due <= case.live.since:
        return Outlook(f"Not due: {said}, before the rule came into force on {day(case.live.since, case.zone)}.")
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return Outlook(f"Not due: {why_not(audience)}.")
    if case.campaign.waves and due > case.ground.now - case.campaign.patience(case.ground.rulebook.policy):
        return Outlook(f"Not due: {said}, and they belong to none of the waves.")
    return Outlook(f"Not due: {said}, too long ago.")


def _if(case: Case) -> str:
    """What must not happen in the meantime."""
    conditions = StateOf.of(case.ground.rules, case.campaign).parts
    bought = {"purchases", "spent", "last_purchase_at", "rhythm", "overdue", "next_product", "next_product_at"}
    if any(part.fields & bought or "purchase" in part.events for part in conditions):
        return "if they do not buy"
    return "if nothing else happens"


def _date(case: Case) -> Outlook:
    every, now = case.campaign.every, case.ground.now
    assert every is not None
    if every.calendar is None and kept_date(case.person, every.field) is None:
        return Outlook(f"Not due: `customer.{every.field}` is not known.")
    until = now + timedelta(days=31 * every.months + 60)
    due = next(rounds(case.campaign, case.ground.rulebook, case.person, now, until), None)
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return Outlook(f"Not due: {why_not(audience)}.")
    return (
        Outlook(f"Not due: next on {case.when(due)}.", due)
        if due
        else Outlook(
            "Not due: their country keeps no such day." if every.calendar else "Not due: its date is yet far off."
        )
    )


def _time(case: Case) -> Outlook:
    campaign, now = case.campaign, case.ground.now
    times = due_times(campaign, case.ground.rulebook, (case.zone,), now, now + HORIZON)
    due = min((time.due_at for time in times), default=None)
    audience = case.clauses.get("audience")
    if audience is not None and audience.value is not True:
        return Outlook(f"Not due: {why_not(audience)}.")
    return Outlook(f"Not due: next on {case.when(due)}.", due) if due else Outlook("Not due: its dates are past.")
