"""The steps of a sequence that follow the first: emails, waits for events, choices, and starts of other campaigns.

One pass in the order of the rule file: edges lead forward only, so whoever comes to a decision that can be made now is
led on in the same plan. A decision is a row: written when the client comes to the step, its branch written once.
"""

from __future__ import annotations

from typing import Any, assert_never

from sqlalchemy import BigInteger, Connection, Select, Text, and_, case, literal, null, or_, select, true, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.working import Wait
from regulars.db.engine import insert
from regulars.db.states import Reason
from regulars.db.tables import customers, decisions
from regulars.db.types import MICROSECOND, to_micros
from regulars.eligibility.goals import goal_met
from regulars.eligibility.split import split
from regulars.ledger.webhook_outbox import add_goals
from regulars.planner.awaited_events import first_events
from regulars.planner.promise import candidates_of, had_before, had_recently, in_ledger, promise_step
from regulars.planner.ways import past, ways_to
from regulars.rules.route import Node
from regulars.rules.steps import IN_TIME, NO_BRANCH, STARTED, TIME_IS_OVER, Choose, Split, Start, Step, WaitFor
from regulars.triggers.candidate_rows import LOOK_BACK, later
from regulars.triggers.kinds import trigger_of
from regulars.triggers.waits import with_wait

_COLUMNS = [
    "campaign", "step", "customer_id", "occurrence", "source_id", "began_at", "until_at", "created_at", "branch", "at",
    "decided_at", "cause", "rule",
]  # fmt: skip
TOO_LATE, AGAIN, ENDED = "~late", "~again", "~ended"
"""Branches that end the sequence: entered too late, or again too soon; the campaign's `until` happened."""
LONGEST_CAUSE = 200


def enter_by_decision(connection: Connection, context: PlanContext, active: ActiveCampaign, *, started: bool) -> int:
    """Writes a row for everybody due for a sequence that begins with a decision; returns the number of new rows."""
    route = active.campaign.route
    root = route.stops[route.root].item if route.root is not None else None
    if root is None or isinstance(root, Step):
        return 0
    if not started and not trigger_of(active.campaign).falls_due(context, active):
        return 0
    found = _entering(context, active, root, started=started)
    statement = insert(connection, decisions).from_select(_COLUMNS, found).on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def follow(connection: Connection, context: PlanContext, active: ActiveCampaign) -> int:
    """Leads everybody on as far as they can go now; returns the number of new promises."""
    promised = 0
    for stop in active.campaign.route.stops.values():
        item = stop.item
        if isinstance(item, Step):
            if item.at is None:
                promised += promise_step(connection, context, active, item)
        else:
            _arrive(connection, context, active, item)
            _decide(connection, context, active, item)
    return promised


def limit_of(item: Node) -> Wait:
    """How long a client stays at a step at most: the limit of `wait_for`, else its wait."""
    match item:
        case WaitFor():
            return item.wait_for.limit
        case Choose() | Step():
            return item.wait
        case Start() | Split():
            return Wait()
        case _:
            assert_never(item)


def _entering(context: PlanContext, active: ActiveCampaign, root: Node, *, started: bool) -> Select[Any]:
    campaign, limit = active.campaign, limit_of(root)
    due = candidates_of(context, active, started=started)
    now = to_micros(context.now)
    chosen = [due.c.due_at <= now, due.c.wave == 0]
    begins: ColumnElement[int] = due.c.due_at
    if campaign.backfill.mode != "none":  # those already past the trigger begin when the rule came into force
        begins = later(begins, literal(to_micros(active.applied_at), BigInteger))
    source, ends = with_wait(context, due, begins, limit, chosen, context.now)
    lateness = campaign.max_lateness(context.rulebook.policy) // MICROSECOND
    verdicts: list[tuple[ColumnElement[bool], Any]] = [(ends + lateness < now, literal(TOO_LATE, Text))]
    pause, known = campaign.reentry.after, [in_ledger(active, due, decided=True)]
    if pause is None or pause:
        if trigger_of(campaign).defers_reentry and not started:
            known.append(had_before(active, due, pause, decided=True))
        else:
            verdicts.append((had_recently(active, due, pause, decided=True), literal(AGAIN, Text)))
    verdict = case(*verdicts, else_=null())
    rows = _rows(context, active, root, due, begins, ends, verdict)
    return rows.select_from(source).where(*chosen, ~or_(*known))


def _rows(
    context: PlanContext, active: ActiveCampaign, item: Node, came: Any, begins: Any, ends: Any, branch: Any = None
) -> Select[Any]:
    """The columns of new decisions; those with a `branch` are settled at once."""
    now = to_micros(context.now)
    branch = null() if branch is None else branch
    settled = case((branch.is_not(None), literal(now, BigInteger)), else_=null())
    return select(
        literal(active.key, Text), literal(item.key, Text), came.c.customer_id, came.c.occurrence, came.c.source_id,
        begins, ends, literal(now, BigInteger), branch, settled, settled, null(),
        literal(context.rulebook.digest(active.campaign), Text),
    )  # fmt: skip


def _arrive(connection: Connection, context: PlanContext, active: ActiveCampaign, item: Node) -> None:
    """Writes a row for everybody whom a step before led to this one."""
    limit = limit_of(item)
    working, policy = context.rulebook.company.working_time, context.rulebook.policy
    for way in ways_to(context, active, item.key, decided=True):
        # Whoever was led here so long ago that even the wait here would be over is past it: the rule was edited.
        floor = working.before(max(active.floor(context.now, policy), context.now - LOOK_BACK), limit)
        chosen = [*way.conditions, way.at <= context.now]
        if way.kind != "move":
            chosen.append(way.known_at > floor)
        source, ends = with_wait(context, way.rows, way.at, limit, chosen, context.now)
        rows = _rows(context, active, item, way.rows, way.at, ends).select_from(source)
        rows = rows.where(*chosen, ~past(active, item.key, way.rows, decided=True))
        connection.execute(insert(connection, decisions).from_select(_COLUMNS, rows).on_conflict_do_nothing())


def _decide(connection: Connection, context: PlanContext, active: ActiveCampaign, item: Node) -> None:
    """Decides for all who wait at the step and whose event happened, or whose time is over."""
    waiting = and_(
        decisions.c.campaign == active.key,
        decisions.c.step == item.key,
        decisions.c.branch.is_(None),
        context.is_selected(decisions.c.customer_id),
    )
    if connection.scalar(select(decisions.c.id).where(waiting).limit(1)) is None:
        return
    if active.campaign.until is not None:
        _end(connection, context, active, waiting)
    over = and_(waiting, decisions.c.until_at <= context.now)
    match item:
        case WaitFor():
            found = first_events(context, active, item, waiting).subquery("found")
            connection.execute(
                update(decisions)
                .where(decisions.c.id == found.c.id)
                .values(branch=IN_TIME, at=found.c.at, decided_at=context.now, cause=found.c.cause)
            )
            _settle(connection, context, over, TIME_IS_OVER, decisions.c.until_at, "time")
        case Choose():
            _choose(connection, context, active, item, over)
        case Split():
            split(connection, context, active, item, over)
        case Start():
            _settle(connection, context, over, STARTED, decisions.c.until_at, f"start:{item.start}")
        case Step():
            raise AssertionError("an email decides nothing")
        case _:
            assert_never(item)


def _end(connection: Connection, context: PlanContext, active: ActiveCampaign, waiting: ColumnElement[bool]) -> None:
    """Ends the sequence of those for whom the campaign's `until` happened."""
    met = and_(waiting, goal_met(context, active, decisions))
    values = {"branch": ENDED, "at": context.now, "decided_at": context.now, "cause": Reason.GOAL_MET}
    ended = update(decisions).where(met).values(values)
    if not context.rulebook.notify or active.campaign.goals:
        connection.execute(ended)
        return
    columns = decisions.c["campaign", "customer_id", "occurrence"]
    add_goals(connection, [tuple(row) for row in connection.execute(ended.returning(*columns))], context.now)


def _settle(
    connection: Connection, context: PlanContext, chosen: ColumnElement[bool], branch: str, at: Any, cause: str
) -> None:
    values = {"branch": branch, "at": at, "decided_at": context.now, "cause": cause}
    connection.execute(update(decisions).where(chosen).values(values))


def _choose(
    connection: Connection, context: PlanContext, active: ActiveCampaign, item: Choose, over: ColumnElement[bool]
) -> None:
    """Writes the first branch whose condition is true now, and the condition as it is written."""
    joined = decisions.join(customers, customers.c.id == decisions.c.customer_id).join(
        context.facts, context.facts.c.customer_id == customers.c.id
    )
    source, given = trigger_of(active.campaign).join_source(joined, decisions)
    place = ("campaigns", active.campaign.name, *active.campaign.route.stops[item.key].loc, "choose")
    branches, causes = [], []
    for number, branch in enumerate(item.choose):
        holds = context.holds(*place, number, "if", **given) if branch.condition is not None else true()
        branches.append((holds, literal(branch.key, Text)))
        causes.append((holds, literal((branch.condition or "all others")[:LONGEST_CAUSE], Text)))
    found = (
        select(
            decisions.c.id,
            case(*branches, else_=literal(NO_BRANCH, Text)).label("branch"),
            case(*causes, else_=literal("no condition is true", Text)).label("cause"),
        )
        .select_from(source)
        .where(over)
        .subquery("found")
    )
    connection.execute(
        update(decisions)
        .where(decisions.c.id == found.c.id)
        .values(branch=found.c.branch, at=decisions.c.until_at, decided_at=context.now, cause=found.c.cause)
    )
