"""Writing promises: inserts what is due and not in the ledger, once, whichever planner is first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
    Insert,
    Integer,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    literal_column,
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
from regulars.db.tables import decisions, promises
from regulars.db.types import MICROSECOND, to_micros
from regulars.eligibility.goals import goal_met
from regulars.ledger.webhook_outbox import add_goals
from regulars.planner.started import started_clients
from regulars.planner.ways import past, ways_to
from regulars.rules.model import Step
from regulars.triggers.candidate_rows import later
from regulars.triggers.kinds import trigger_of
from regulars.triggers.waits import with_wait

Rows = Callable[[PlanContext, ActiveCampaign, Step], Select[Any]]
"""The rows of new promises of one step."""

_COLUMNS = (
    "campaign", "step", "customer_id", "occurrence", "state", "reason", "kind", "recipient", "priority", "source_id",
    "rule", "due_at", "expires_at", "next_at", "created_at", "settled_at",
)  # fmt: skip
_ORDER: list[ColumnElement[int]] = [
    literal_column(str(_COLUMNS.index(name) + 1), Integer) for name in ("due_at", "customer_id", "occurrence")
]
"""By the places of the columns, for in the SELECT they have no names."""


def promise_first_steps(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises the first email, or that of the client's wave, to everybody due; returns the number of new rows."""
    if active.campaign.all_steps[0].at is not None or not trigger_of(active.campaign).falls_due(context, active):
        return 0
    decided = context.decided(active)
    return sum(
        _insert(connection, context, active, step, ("_due",), partial(_due, wave=place, decided=decided))
        for place, step in enumerate(active.campaign.opening)
    )


def promise_started(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises the first email, or that of their wave, to the clients whom other campaigns started; the new rows."""
    return sum(
        _insert(connection, context, active, step, ("_started",), partial(_due, wave=place, decided=True, started=True))
        for place, step in enumerate(active.campaign.opening)
    )


def promise_timed_steps(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Promises each email relative to an instant of its event, independent of earlier steps; returns the new rows."""
    return sum(
        _insert(connection, context, active, step, ("_timed",), partial(_due, wave=0, decided=False))
        for step in active.campaign.all_steps
        if step.at is not None
    )


def promise_step(connection: Connection, context: PlanContext, active: ActiveCampaign, step: Step) -> int:
    """Promises an email that follows others, or a decision, to everybody for whom its wait is over; the new rows."""
    decided = context.decided(active)
    kinds = [way.kind for way in ways_to(context, active, step.key, decided=decided)]
    return sum(
        _insert(connection, context, active, step, ("_after", kind), partial(_after, kind=kind, decided=decided))
        for kind in kinds
    )


def _insert(
    connection: Connection, context: PlanContext, active: ActiveCampaign, step: Step, name: tuple[str | int, ...],
    rows: Rows,
) -> int:  # fmt: skip
    def statement(at: PlanContext) -> Insert:
        # Who is due first comes first, whichever way the database takes: coupons and copies go by the ids.
        found = rows(at, active, step).order_by(*_ORDER)
        return insert(connection, promises).from_select(list(_COLUMNS), found).on_conflict_do_nothing()

    if any(one.wait.working for one in active.campaign.all_steps):  # it looks up the working time while it is built
        context = replace(context, cache=None)
    found = context.cached((*name, step.key, context.decided(active)), active, statement)
    if context.rulebook.notify and active.campaign.until is not None and not active.campaign.goals:
        columns = promises.c.reason, promises.c.campaign, promises.c.customer_id, promises.c.occurrence
        made = connection.execute(found.returning(*columns)).all()
        ended = ((row.campaign, row.customer_id, row.occurrence) for row in made if row.reason == Reason.GOAL_MET)
        add_goals(connection, ended, context.now)
        return len(made)
    return connection.execute(found, execution_options={"preserve_rowcount": True}).rowcount


def candidates_of(context: PlanContext, active: ActiveCampaign, *, started: bool) -> Any:
    """Who is due by the trigger, or whom other campaigns `started`: the columns of `candidate_rows.shape`."""
    if started:
        return started_clients(context, active).subquery("due")
    return trigger_of(active.campaign).candidates(context, active).subquery("due")


def in_ledger(active: ActiveCampaign, due: Any, *, decided: bool) -> ColumnElement[bool]:
    """Whether this occurrence of the client is in the ledger already."""
    tables = (promises, decisions) if decided else (promises,)
    return or_(
        *(
            exists().where(
                table.c.campaign == active.key,
                table.c.customer_id == due.c.customer_id,
                table.c.occurrence == due.c.occurrence,
            )
            for table in tables
        )
    )


def _due(
    context: PlanContext, active: ActiveCampaign, step: Step, *, wave: int, decided: bool, started: bool = False
) -> Select[Any]:
    """The promises of a step to everybody who is due; `wave` is its index among the waves."""
    if step.at is not None:
        due: Any = trigger_of(active.campaign).timed_candidates(context, active, step).subquery("due")
    else:
        due = candidates_of(context, active, started=started)
    now = context.deferred(BigInteger(), lambda at: to_micros(at.now))
    chosen: list[ColumnElement[bool]] = [due.c.due_at <= now, due.c.wave == wave]
    verdicts = _verdicts(active, due, started=started)
    new: ColumnElement[Any] = literal(Reason.NEW, Text)
    reason = case(*verdicts, else_=new) if verdicts else new
    known = in_ledger(active, due, decided=decided)
    if step.at is not None:
        known = exists().where(
            promises.c.campaign == active.key,
            promises.c.customer_id == due.c.customer_id,
            promises.c.occurrence == due.c.occurrence,
            promises.c.step == step.key,
        )
    source: FromClause = due
    due_at: ColumnElement[int] = due.c.due_at
    if active.campaign.waves:  # the wave is fixed at the trigger; the promise is held until its wave is due
        source, due_at = with_wait(context, due, due.c.due_at, step.wait, chosen, context.now)
    rows = _rows(context, active, step, due.c.customer_id, due.c.occurrence, due_at, due.c.source_id, reason)
    return rows.select_from(source).where(*chosen, ~known)


def _verdicts(active: ActiveCampaign, due: Any, *, started: bool) -> list[tuple[ColumnElement[bool], Any]]:
    """Immediate verdicts: clients who had this campaign too recently."""
    verdicts: list[tuple[ColumnElement[bool], Any]] = []
    pause = active.campaign.reentry.after
    if (started or not trigger_of(active.campaign).defers_reentry) and pause != timedelta():
        verdicts.append((had_recently(active, due, pause, decided=False), literal(Reason.AGAIN, Text)))
    return verdicts


def had_recently(active: ActiveCampaign, due: Any, pause: timedelta | None, *, decided: bool) -> ColumnElement[bool]:
    """Whether the client had another occurrence within the pause, or ever, or has an earlier one among those due."""
    place = func.row_number().over(partition_by=due.c.customer_id, order_by=(due.c.due_at, due.c.occurrence))
    return or_(had_before(active, due, pause, decided=decided), place > 1)


def had_before(active: ActiveCampaign, due: Any, pause: timedelta | None, *, decided: bool) -> ColumnElement[bool]:
    """Whether the ledger has another occurrence within the pause, or ever; `decided`: also one without an email."""
    earlier = promises.alias("earlier")
    had = exists().where(
        earlier.c.campaign == active.key,
        earlier.c.customer_id == due.c.customer_id,
        earlier.c.occurrence != due.c.occurrence,
        earlier.c.state.not_in([State.SKIPPED, State.FAILED]),
    )
    entered = decisions.alias("entered")
    began = exists().where(
        entered.c.campaign == active.key,
        entered.c.customer_id == due.c.customer_id,
        entered.c.occurrence != due.c.occurrence,
    )
    if pause is not None:
        since = due.c.due_at - pause // MICROSECOND
        had = had.where(type_coerce(earlier.c.due_at, BigInteger) > since)
        began = began.where(type_coerce(entered.c.began_at, BigInteger) > since)
    return or_(had, began) if decided else had


def _after(context: PlanContext, active: ActiveCampaign, step: Step, *, kind: str, decided: bool) -> Select[Any]:
    """The promises of a step to those who come to it by one kind of way."""
    way = next(one for one in ways_to(context, active, step.key, decided=decided) if one.kind == kind)
    last, chosen = way.rows, way.waited(context, active, step.wait)
    source, due_at = with_wait(context, last, way.at, step.wait, chosen)
    reason: ColumnElement[Any] = literal(Reason.NEW, Text)
    if active.campaign.until is not None:
        reason = case((goal_met(context, active, last), literal(Reason.GOAL_MET, Text)), else_=reason)
    known_at = None if kind == "email" else type_coerce(way.known_at, BigInteger)
    rows = _rows(
        context,
        active,
        step,
        last.c.customer_id,
        last.c.occurrence,
        due_at,
        last.c.source_id,
        reason,
        known_at=known_at,
    )
    return rows.select_from(source).where(*chosen, ~past(active, step.key, last, decided=decided))


def _rows(
    context: PlanContext,
    active: ActiveCampaign,
    step: Step,
    customer: Any,
    occurrence: Any,
    due_at: Any,
    source: Any,
    reason: Any,
    *,
    known_at: ColumnElement[int] | None = None,
) -> Select[Any]:
    """The columns of new promises; those with a verdict are settled at once.

    Where the decision that leads to it became known after the email was due, its lateness counts from `known_at`.
    """
    campaign, now = active.campaign, context.deferred(BigInteger(), lambda at: to_micros(at.now))
    undecided = reason == Reason.NEW
    max_lateness = campaign.max_lateness(context.rulebook.policy) // MICROSECOND
    applied = context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.applied_at))
    # Backfilled promises were due before the rule existed; their lateness counts from its activation.
    expires = case((due_at < applied, applied), else_=due_at) + max_lateness
    if known_at is not None:
        expires = later(due_at, known_at) + max_lateness
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
