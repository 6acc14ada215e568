"""Writing promises: inserts what is due and not in the ledger, once, whichever planner is first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Insert,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.db.engine import insert
from regulars.db.states import Reason, State
from regulars.db.tables import promises
from regulars.db.types import MICROSECOND, Instant, to_micros
from regulars.eligibility.goals import goal_met
from regulars.ledger.webhook_outbox import add_goals
from regulars.rules.model import Step
from regulars.triggers.candidate_rows import LOOK_BACK
from regulars.triggers.kinds import trigger_of
from regulars.triggers.waits import with_wait

Rows = Callable[[PlanContext, ActiveCampaign, Step, int], Select[Any]]
"""The rows of new promises of one step."""

_COLUMNS = (
    "campaign", "step", "customer_id", "occurrence", "state", "reason", "kind", "recipient", "priority", "source_id",
    "rule", "due_at", "expires_at", "next_at", "created_at", "settled_at",
)  # fmt: skip


def promise_first_steps(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises the first email, or that of the client's wave, to everybody due; returns the number of new rows."""
    if active.campaign.all_steps[0].at is not None or not trigger_of(active.campaign).falls_due(context, active):
        return 0
    return sum(
        _insert(connection, context, active, step, _due, place) for place, step in enumerate(active.campaign.opening)
    )


def promise_timed_steps(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises each email relative to an instant of its event, independent of earlier steps; returns the new rows."""
    return sum(
        _insert(connection, context, active, step, _due) for step in active.campaign.all_steps if step.at is not None
    )


def promise_next_steps(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises each following email, its wait after the one before was settled; the number of new rows."""
    return sum(_insert(connection, context, active, step, _after) for _, step in active.campaign.following)


def _insert(
    connection: Connection, context: PlanContext, active: ActiveCampaign, step: Step, rows: Rows, wave: int = 0
) -> int:  # fmt: skip
    def statement(at: PlanContext) -> Insert:
        found = rows(at, active, step, wave)
        return insert(connection, promises).from_select(list(_COLUMNS), found).on_conflict_do_nothing()

    if any(one.wait.working for one in active.campaign.all_steps):  # it looks up the working time while it is built
        context = replace(context, cache=None)
    found = context.cached((rows.__name__, step.key), active, statement)
    if context.rulebook.notify and active.campaign.until is not None and not active.campaign.goals:
        columns = promises.c.reason, promises.c.campaign, promises.c.customer_id, promises.c.occurrence
        made = connection.execute(found.returning(*columns)).all()
        ended = ((row.campaign, row.customer_id, row.occurrence) for row in made if row.reason == Reason.GOAL_MET)
        add_goals(connection, ended, context.now)
        return len(made)
    return connection.execute(found, execution_options={"preserve_rowcount": True}).rowcount


def _due(context: PlanContext, active: ActiveCampaign, step: Step, wave: int) -> Select[Any]:
    """The promises of a step to everybody who is due; `wave` is its index among the waves."""
    trigger = trigger_of(active.campaign)
    timed = step.at is not None
    found = trigger.timed_candidates(context, active, step) if timed else trigger.candidates(context, active)
    due, now = found.subquery("due"), context.deferred(BigInteger(), lambda at: to_micros(at.now))
    chosen: list[ColumnElement[bool]] = [due.c.due_at <= now, due.c.wave == wave]
    verdicts = _verdicts(context, active, due)
    new: ColumnElement[Any] = literal(Reason.NEW, Text)
    reason = case(*verdicts, else_=new) if verdicts else new
    known = exists().where(
        promises.c.campaign == active.key,
        promises.c.customer_id == due.c.customer_id,
        promises.c.occurrence == due.c.occurrence,
    )
    if step.at is not None:
        known = known.where(promises.c.step == step.key)
    source: FromClause = due
    due_at: ColumnElement[int] = due.c.due_at
    if active.campaign.waves:  # the wave is fixed at the trigger; the promise is held until its wave is due
        source, due_at = with_wait(context, due, due.c.due_at, step.wait, chosen, context.now)
    rows = _rows(context, active, step, due.c.customer_id, due.c.occurrence, due_at, due.c.source_id, reason)
    return rows.select_from(source).where(*chosen, ~known)


def _verdicts(context: PlanContext, active: ActiveCampaign, due: Any) -> list[tuple[ColumnElement[bool], Any]]:
    """Immediate verdicts: clients who had this campaign too recently."""
    verdicts: list[tuple[ColumnElement[bool], Any]] = []
    pause = active.campaign.reentry.after
    if not trigger_of(active.campaign).defers_reentry and pause != timedelta():
        verdicts.append((_had_recently(active, due, pause), literal(Reason.AGAIN, Text)))
    return verdicts


def _had_recently(active: ActiveCampaign, due: Any, pause: timedelta | None) -> ColumnElement[bool]:
    earlier = promises.alias("earlier")
    had = exists().where(
        earlier.c.campaign == active.key,
        earlier.c.customer_id == due.c.customer_id,
        earlier.c.occurrence != due.c.occurrence,
        earlier.c.state.not_in([State.SKIPPED, State.FAILED]),
    )
    if pause is not None:
        had = had.where(type_coerce(earlier.c.due_at, BigInteger) > due.c.due_at - pause // MICROSECOND)
    place = func.row_number().over(partition_by=due.c.customer_id, order_by=(due.c.due_at, due.c.occurrence))
    return or_(had, place > 1)


def _after(context: PlanContext, active: ActiveCampaign, step: Step, _: int) -> Select[Any]:
    """The promises of a step that follows another."""
    before = next(before for before, following in active.campaign.following if following.key == step.key)
    last = promises.alias("last")
    known = promises.alias("known")
    # A newly inserted step is not for clients who are already past its position.
    steps = [one.key for one in active.campaign.all_steps if one.at is None]
    past = exists().where(
        known.c.campaign == active.key,
        known.c.customer_id == last.c.customer_id,
        known.c.occurrence == last.c.occurrence,
        known.c.step.in_(steps[steps.index(step.key) :]),
    )
    went = or_(
        last.c.state.in_([State.SENT, State.UNCERTAIN]),
        and_(last.c.state == State.SKIPPED, last.c.reason == Reason.STEP_CONDITION),
    )
    working, policy = context.rulebook.company.working_time, context.rulebook.policy
    chosen = [
        last.c.campaign == active.key,
        last.c.step == before.key,
        context.is_selected(last.c.customer_id),
        went,
        last.c.settled_at <= context.deferred(Instant(), lambda at: working.before(at.now, step.wait)),
        last.c.settled_at > context.deferred_for(active, Instant(), lambda at, of: working.before(
            max(of.floor(at.now, policy), at.now - LOOK_BACK), step.wait
        )),
    ]  # fmt: skip
    source, due_at = with_wait(context, last, last.c.settled_at, step.wait, chosen)
    reason: ColumnElement[Any] = literal(Reason.NEW, Text)
    if active.campaign.until is not None:
        reason = case((goal_met(context, active, last), literal(Reason.GOAL_MET, Text)), else_=reason)
    rows = _rows(context, active, step, last.c.customer_id, last.c.occurrence, due_at, last.c.source_id, reason)
    return rows.select_from(source).where(*chosen, ~past)


def _rows(
    context: PlanContext,
    active: ActiveCampaign,
    step: Step,
    customer: Any,
    occurrence: Any,
    due_at: Any,
    source: Any,
    reason: Any,
) -> Select[Any]:
    """The columns of new promises; those with a verdict are settled at once."""
    campaign, now = active.campaign, context.deferred(BigInteger(), lambda at: to_micros(at.now))
    undecided = reason == Reason.NEW
    max_lateness = campaign.max_lateness(context.rulebook.policy) // MICROSECOND
    applied = context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.applied_at))
    # Backfilled promises were due before the rule existed; their lateness counts from its activation.
    expires = case((due_at < applied, applied), else_=due_at) + max_lateness
    if step.at is not None:
        # A reminder after the event has begun is useless: it is sent before its reference instant, or not at all.
        before = -(step.at.offset // MICROSECOND)
        expires = due_at + (min(max_lateness, before) if before > 0 else max_lateness)
    return select(
        literal(active.key, Text), literal(step.key, Text), customer, occurrence,
        case((undecided, State.HELD), else_=State.SKIPPED),
        case((and_(undecided, due_at > now), literal(Reason.WAVE, Text)), else_=reason),
        literal(campaign.kind, Text), literal(campaign.to, Text), literal(campaign.priority), source,
        literal(context.rulebook.digest(campaign), Text), due_at, expires,
        case((due_at > now, due_at), else_=now), now,
        case((undecided, null()), else_=now),
    )  # fmt: skip
