"""`on: EVENT`: triggered by an event or a purchase; the occurrence is the event's external id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Connection, FromClause, Select, Text, select, true, type_coerce
from sqlalchemy.sql import ColumnElement, and_, or_

from regulars.audience.field_labels import event_label
from regulars.audience.person import Person
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.event_source import PURCHASE, event_source
from regulars.db.json_fields import instant_in_event, readable_micros
from regulars.db.states import Reason
from regulars.db.tables import customers, events, promises, purchases
from regulars.db.types import Instant, from_micros, to_micros
from regulars.profile import visits
from regulars.rules.model import Rulebook, Step
from regulars.triggers.base import ClientHistory, LastEvents, Story, Subject, Trigger
from regulars.triggers.candidate_rows import (
    OVERLAP,
    after_last_plan,
    begun,
    clients,
    day_text,
    floor,
    shape,
    waits_ending,
    wave,
)
from regulars.triggers.explained import CampaignExplanation, ExplainedClient
from regulars.triggers.upcoming import Upcoming, UpcomingQuery
from regulars.triggers.waits import with_wait

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PastEvent:
    """A past event, with the id that is its occurrence."""

    external_id: str
    at: datetime
    data: Mapping[str, Any]


class EventTrigger(Trigger):
    """An event of this name."""

    due_from_beginning: ClassVar[bool] = False

    @property
    def event(self) -> str:
        """The event's name."""
        assert self.campaign.on is not None
        return self.campaign.on

    @property
    def subject(self) -> Subject:
        return Subject(event=self.event)

    def occasion(self, rules: Ruleset) -> str:
        return "When a client buys" if self.event == PURCHASE else f"When a client has {event_label(self.event)}"

    def backfill_words(self) -> str:
        if self.campaign.backfill.mode == "none":
            return "what happened before the rule is left alone"
        return super().backfill_words()

    # ---------------------------------------------------------------- who is due

    def candidates(self, context: PlanContext, active: ActiveCampaign) -> Select[Any]:
        happened = event_source(self.event)
        wait, working = self.campaign.lead, context.rulebook.company.working_time
        given: dict[str, Any] = {"event_data": happened.c.data, "event_at": happened.c.occurred_at}
        audience = context.holds("campaigns", self.campaign.name, "audience", **given)
        since = context.deferred_for(active, Instant(), lambda _, of: working.before(of.since, wait))
        recent: ColumnElement[bool] = happened.c.occurred_at > floor(context, active, wait)
        if active.planned_at is not None:
            recent = or_(recent, after_last_plan(context, active, happened.c.received_at))
        chosen = [
            happened.c.occurred_at > since if active.bounded else true(),
            happened.c.occurred_at <= begun(context, wait),
            recent,
        ]
        source, due_at = with_wait(context, happened, happened.c.occurred_at, wait, chosen)
        joined = clients(context).join(source, happened.c.customer_id == customers.c.id)
        places = wave(context, active, **given)
        return shape(joined, happened.c.external_id, due_at, happened.c.id, places).where(*chosen, audience)

    def newly_due(self, context: PlanContext, active: ActiveCampaign, after: datetime) -> list[Select[Any]]:
        table = purchases if self.event == PURCHASE else events
        ends = waits_ending(context, table.c.occurred_at, self.campaign.lead, after)
        named = true() if self.event == PURCHASE else events.c.name == self.event
        return [select(table.c.customer_id).where(named, *ends)]

    def timed_candidates(self, context: PlanContext, active: ActiveCampaign, step: Step) -> Select[Any]:
        """Clients for whom the step is due relative to an instant of its event, such as a day before a visit.

        The bound on the text limits the parsing of instants to the days in question, however many events there are.
        """
        timing = step.at
        assert timing is not None
        happened, policy = event_source(self.event), context.rulebook.policy
        due_at, text = instant_in_event(timing, happened.c.data), happened.c.data[timing.field].as_string()
        ago = timedelta() - timing.offset
        first = context.deferred_for(active, BigInteger(), lambda at, of: to_micros(of.floor(at.now, policy)))
        earliest = context.deferred_for(active, Text(), lambda at, of: day_text(of.floor(at.now, policy), ago - _DAY))
        recent: ColumnElement[bool] = and_(text >= earliest, due_at > first)
        if active.planned_at is not None:
            recent = or_(recent, after_last_plan(context, active, happened.c.received_at))
        since = context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.since))
        joined = clients(context).join(happened, happened.c.customer_id == customers.c.id)
        return shape(joined, happened.c.external_id, due_at, happened.c.id).where(
            happened.c.occurred_at <= context.deferred(Instant(), lambda at: at.now),
            text < context.deferred(Text(), lambda at: day_text(at.now, ago + 2 * _DAY)),
            due_at > since if active.bounded else true(),
            due_at <= context.deferred(BigInteger(), lambda at: to_micros(at.now)),
            recent,
            context.holds(
                "campaigns", self.campaign.name, "audience",
                event_data=happened.c.data, event_at=happened.c.occurred_at,
            ),
        )  # fmt: skip

    # ---------------------------------------------------------------- when it began, and whether it still holds

    def began_at(self, active: ActiveCampaign, row: Any) -> ColumnElement[Any]:
        source = event_source(self.event).alias("source")
        happened = select(type_coerce(source.c.occurred_at, BigInteger)).where(source.c.id == row.c.source_id)
        return happened.correlate(row).scalar_subquery()

    def join_source(self, joined: FromClause, rows: FromClause = promises) -> tuple[FromClause, dict[str, Any]]:
        source = event_source(self.event)
        given = {"event_data": source.c.data, "event_at": source.c.occurred_at}
        return joined.outerjoin(source, source.c.id == rows.c.source_id), given

    def withdrawn(
        self, context: PlanContext, data: ColumnElement[object] | None
    ) -> list[tuple[ColumnElement[bool], Reason]]:
        """The visit was moved or cancelled, or its time was changed in the booking itself."""
        if self.event != visits.BOOKED:
            return []
        early = [
            and_(promises.c.step == step.key, instant_in_event(step.at, data) > to_micros(context.now))
            for step in self.campaign.all_steps
            if step.at is not None and data is not None
        ]
        return [
            (visits.cancelled(promises.c.source_id, context.now), Reason.CANCELLED),
            (or_(visits.moved(promises.c.source_id, context.now), *early), Reason.MOVED),
        ]

    # ---------------------------------------------------------------- what cannot concern anybody

    def may_concern(self, context: PlanContext, active: ActiveCampaign, history: ClientHistory) -> bool:
        return not self.exhausted(context.rulebook, context.now, active, history.last_events)

    def exhausted(self, book: Rulebook, now: datetime, active: ActiveCampaign, last_events: LastEvents) -> bool:
        """The bounds are those of `candidates`."""
        if self.event not in last_events:
            return True
        occurred, received = last_events[self.event]
        if occurred > book.company.working_time.before(active.floor(now, book.policy), self.campaign.lead):
            return False
        return active.planned_at is None or received <= active.planned_at - OVERLAP

    def possible_in(self, story: Story, book: Rulebook) -> bool:
        return self.event in story.events or (self.event == PURCHASE and story.purchased)

    # ---------------------------------------------------------------- when it next can be

    def upcoming(self, active: ActiveCampaign, upcoming: Upcoming) -> list[UpcomingQuery]:
        happened = event_source(self.event)
        steps = [step for step in self.campaign.all_steps if step.at is not None]
        timed = [
            upcoming.at(instant_in_event(step.at, event_source(self.event).c.data))
            for step in steps
            if step.at is not None
        ]
        if self.campaign.all_steps[0].at is not None:
            return timed
        return [upcoming.after_wait(happened.c.occurred_at, self.campaign.lead), *timed]

    # ---------------------------------------------------------------- one client, for people

    def load_subject(self, context: PlanContext, person: Person) -> bool:
        assert context.only is not None
        latest = self._events_of(context.connection, context.only, context.now)
        person.event = {**latest[0].data, "at": latest[0].at} if latest else None
        return bool(latest)

    def latest_source(self, connection: Connection, customer_id: int, now: datetime) -> int | None:
        happened = event_source(self.event)
        query = select(happened.c.id).where(happened.c.customer_id == customer_id)
        found = connection.scalar(query.order_by(happened.c.occurred_at.desc(), happened.c.id.desc()).limit(1))
        return None if found is None else int(found)

    def explain_timed(self, client: ExplainedClient) -> CampaignExplanation | None:
        timed = [step for step in self.campaign.all_steps if step.at is not None]
        if not timed or client.outside_audience() is not None:
            return None
        standing = {
            each.booking: each
            for each in visits.visits(client.context.connection, [client.customer_id], client.now).values()
        }
        ahead = []
        for event in self._events_of(client.context.connection, client.customer_id, client.now):
            booked = standing.get(event.external_id)
            if self.event == visits.BOOKED and (booked is None or booked.cancelled_by):
                continue
            for step in timed:
                assert step.at is not None
                moment = readable_micros(event.data.get(step.at.field))
                if moment is not None and not client.promised_step(step.key, event.external_id):
                    due = from_micros(moment) + step.at.offset
                    ahead += [(due, step)] if due > client.now else []
        if not ahead:
            return None
        due, step = min(ahead, key=lambda each: each[0])
        return CampaignExplanation(f"`{step.key}` is due on {client.when(due)}: {step.at}.", due)

    def explain_next(self, client: ExplainedClient) -> CampaignExplanation:
        first = self.campaign.all_steps[0]
        latest = self._events_of(client.context.connection, client.customer_id, client.now)
        if not latest:
            return CampaignExplanation(f"Not due: there was no `{self.event}`.")
        due = client.after_wait(latest[0].at, self.campaign.lead)
        latest_words = f"the latest `{self.event}` was on {client.when(latest[0].at)}"
        if client.promised(latest[0].external_id):
            return CampaignExplanation(f"Nothing more to come: {latest_words}.")
        if first.at is not None:
            return CampaignExplanation(
                f"Not due: {latest_words}, and {first.at} is past, or was before the rule came into force."
            )
        if due > client.now:
            return CampaignExplanation(f"Not due yet: {latest_words}; due on {client.when(due)}.", due)
        if due <= client.active.since and client.active.since.year > 1970:
            since = client.day(client.active.since)
            return CampaignExplanation(f"Not due: {latest_words}, before the rule came into force on {since}.")
        return client.outside_audience() or CampaignExplanation(f"Not due: {latest_words}, too long ago.")

    def _events_of(self, connection: Connection, customer_id: int, now: datetime) -> list[PastEvent]:
        """The client's events of this name up to now, the latest first."""
        source = event_source(self.event)
        query = (
            select(source.c.external_id, source.c.occurred_at, source.c.data)
            .where(source.c.customer_id == customer_id, source.c.occurred_at <= now)
            .order_by(source.c.occurred_at.desc(), source.c.id.desc())
        )
        return [PastEvent(row[0], row[1], row[2] or {}) for row in connection.execute(query)]
