"""The ways that lead to a step of a sequence, as queries: after an email, after a decision, after a move.

A way gives the clients who are there, from which instant the wait of the step counts (`at`), and since when the ledger
knows of it (`known_at`): the outcome of a decision can be known later than it happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.working import Wait
from regulars.db.states import Reason, State
from regulars.db.tables import campaigns, decisions, promises
from regulars.db.types import Instant
from regulars.rules.steps import Step
from regulars.triggers.candidate_rows import LOOK_BACK

END = ""
"""The target of a move to the end of the sequence."""
MOVED = "~moved"
"""The branch of those who were moved before anything was decided, by an edit of the rule."""


_EMAIL, _DECISION = promises.alias("last"), decisions.alias("last")
_KNOWN, _OTHER = promises.alias("known"), decisions.alias("other")
# Made once: an alias costs more than the rest of a statement.


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a step. `kind` names it in the cache of statements."""

    kind: str
    rows: Any
    at: ColumnElement[Any]
    known_at: ColumnElement[Any]
    conditions: Sequence[ColumnElement[bool]]

    def waited(self, context: PlanContext, active: ActiveCampaign, wait: Wait) -> list[ColumnElement[bool]]:
        """That the wait is over by now, and was not over so long ago that an earlier plan decided about it."""
        working, policy = context.rulebook.company.working_time, context.rulebook.policy
        over = context.deferred(Instant(), lambda at: working.before(at.now, wait))
        floor = context.deferred_for(active, Instant(), lambda at, of: working.before(
            max(of.floor(at.now, policy), at.now - LOOK_BACK), wait
        ))  # fmt: skip
        return [*self.conditions, self.at <= over, self.known_at > floor]


def branching(connection: Connection) -> tuple[frozenset[str], frozenset[str]]:
    """The keys of campaigns that have decisions in the database, and of those that have moves.

    Two looks into an index for each campaign, however many rows there are.
    """
    has = exists().where(decisions.c.campaign == campaigns.c.key)
    moved = has.where(decisions.c.moved_to.is_not(None))
    rows = connection.execute(select(campaigns.c.key, moved).where(has)).all()
    return frozenset(row[0] for row in rows), frozenset(row[0] for row in rows if row[1])


def went(rows: Any) -> ColumnElement[bool]:
    """Whether the sequence goes on after this email: it was sent, or left out by its own condition."""
    return or_(
        rows.c.state.in_([State.SENT, State.UNCERTAIN]),
        and_(rows.c.state == State.SKIPPED, rows.c.reason == Reason.STEP_CONDITION),
    )


def ways_to(context: PlanContext, active: ActiveCampaign, key: str, *, decided: bool) -> Iterator[Way]:
    """The ways that lead to a step; `decided` says whether the campaign has, or had, decisions."""
    route = active.campaign.route
    edges = route.before[key]
    emails = [edge.key for edge in edges if isinstance(route.stops[edge.key].item, Step)]
    if emails:
        last = _EMAIL
        step = last.c.step == emails[0] if len(emails) == 1 else last.c.step.in_(emails)
        conditions = [last.c.campaign == active.key, step, context.is_selected(last.c.customer_id), went(last)]
        yield Way("email", last, last.c.settled_at, last.c.settled_at, conditions)
    if not decided:
        return
    last = _DECISION
    outcomes = [edge for edge in edges if edge.key not in emails]
    if outcomes:
        taken = or_(*(and_(last.c.step == edge.key, last.c.branch == edge.outcome) for edge in outcomes))
        conditions = [
            last.c.campaign == active.key, taken, last.c.moved_to.is_(None), context.is_selected(last.c.customer_id),
        ]  # fmt: skip
        yield Way("decision", last, last.c.at, last.c.decided_at, conditions)
    if active.key not in context.with_moves:
        return
    moved = [last.c.campaign == active.key, last.c.moved_to == key, context.is_selected(last.c.customer_id)]
    yield Way("move", last, last.c.moved_at, last.c.moved_at, moved)


def past(active: ActiveCampaign, key: str, rows: Any, *, decided: bool) -> ColumnElement[bool]:
    """Whether the client of `rows` is at the step or beyond it: a new step is not for those who are past its place."""
    route = active.campaign.route
    beyond = [one for one in route.stops if one in route.beyond[key]]
    known, other = _KNOWN, _OTHER
    emails = [one for one in (key, *beyond) if _of_sequence(active, one)]
    found = exists().where(*_same_sequence(known, active, rows), known.c.step.in_(emails))
    if not decided:
        return found
    there = or_(other.c.step.in_([key, *beyond]), other.c.moved_to.in_([END, *beyond]))
    return or_(found, exists().where(*_same_sequence(other, active, rows), there))


def _same_sequence(table: Any, active: ActiveCampaign, rows: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        table.c.campaign == active.key,
        table.c.customer_id == rows.c.customer_id,
        table.c.occurrence == rows.c.occurrence,
    )


def _of_sequence(active: ActiveCampaign, key: str) -> bool:
    """Whether it is an email that waits for those before it; one with `at` says nothing about the place of a client."""
    return any(step.key == key and step.at is None for step in active.campaign.route.emails)
