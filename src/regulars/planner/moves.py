"""What becomes of people in flight when the rule of their sequence is edited.

A client's place is the last step they have done, and its outcome. Where the edited rule has that step and outcome, what
follows it there comes next. Else they go on after the removed part: with the first step behind it that is left, or
after the decision in whose branch they were. Everybody who could be lost otherwise is moved by a row in `decisions`;
nobody gets an email again, because a row of the ledger under a step's name remains what it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Text, and_, case, delete, exists, func, literal, null, or_, select, true, update
from sqlalchemy.sql import ColumnElement

from regulars.context.active_campaign import ActiveCampaign
from regulars.core.working import Wait, WorkingTime
from regulars.db.engine import insert
from regulars.db.states import State
from regulars.db.tables import decisions, promises
from regulars.db.types import Instant
from regulars.planner.sequence import limit_of
from regulars.planner.ways import END, MOVED, went
from regulars.rules.model import Campaign, Rulebook
from regulars.rules.route import DONE, Edge, Route
from regulars.rules.steps import Choose, Start, Step, WaitFor
from regulars.triggers.candidate_rows import LOOK_BACK

_COLUMNS = [
    "campaign", "step", "customer_id", "occurrence", "source_id", "began_at", "until_at", "created_at", "branch", "at",
    "decided_at", "cause", "moved_to", "moved_at", "rule",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Move:
    """How many clients after a step, or waiting at it, go on with another one; `to` is None for the end."""

    step: str
    to: str | None
    clients: int

    @property
    def words(self) -> str:
        """The move as a sentence without a full stop."""
        who = f"{self.clients:,} client{'' if self.clients == 1 else 's'} in flight at `{self.step}`"
        return f"{who} go{'es' if self.clients == 1 else ''} on " + (f"with `{self.to}`" if self.to else "to the end")

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"step": self.step, "to": self.to, "clients": self.clients}


def move_clients(
    connection: Connection, rulebook: Rulebook, old: Campaign, active: ActiveCampaign, planned_at: datetime | None,
    now: datetime,
) -> list[Move]:  # fmt: skip
    """Moves everybody in flight from the old rule of a campaign to its new one; returns what was moved.

    `planned_at` is the last plan under the old rule: what was due by then is in the ledger.
    """
    if old.waves or active.campaign.waves:
        return []
    _rename(connection, active)
    moving = _Moving(connection, rulebook, old.route, active, planned_at or now, now)
    moving.take_back()
    found = list(moving.moves())
    totals: dict[tuple[str, str | None], int] = {}
    for move in found:
        totals[move.step, move.to] = totals.get((move.step, move.to), 0) + move.clients
    return [Move(step, to, clients) for (step, to), clients in totals.items() if clients]


def _rename(connection: Connection, active: ActiveCampaign) -> None:
    """Gives decisions and branches the names that `was` says they have now."""
    for stop in active.campaign.route.decisions:
        item = stop.item
        of_campaign = decisions.c.campaign == active.key
        if isinstance(item, (WaitFor, Choose)) and item.was is not None:
            there = decisions.alias("there")
            taken = exists().where(
                there.c.campaign == active.key, there.c.step == item.key,
                there.c.customer_id == decisions.c.customer_id, there.c.occurrence == decisions.c.occurrence,
            )  # fmt: skip
            former = (of_campaign, decisions.c.step == item.was, ~taken)
            connection.execute(update(decisions).where(*former).values(step=item.key))
            target = (of_campaign, decisions.c.moved_to == item.was)
            connection.execute(update(decisions).where(*target).values(moved_to=item.key))
        for branch in item.choose if isinstance(item, Choose) else ():
            if branch.was is not None:
                taken_by = (of_campaign, decisions.c.step == item.key, decisions.c.branch == branch.was)
                connection.execute(update(decisions).where(*taken_by).values(branch=branch.key))


def renamed_route(route: Route, new: Route) -> Route:
    """The old route with the names that the new rule gives its decisions and branches (`was`)."""
    steps = {}
    branches = {}
    for stop in new.decisions:
        item = stop.item
        was = item.was if isinstance(item, (WaitFor, Choose)) else None
        if was is not None and was in route.stops and item.key not in route.stops:
            steps[was] = item.key
        for branch in item.choose if isinstance(item, Choose) else ():
            if branch.was is not None:
                branches[was or item.key, branch.was] = branch.key
    return route.with_names(steps, branches) if steps or branches else route


@dataclass(frozen=True)
class _Moving:
    """One edit of one campaign."""

    connection: Connection
    rulebook: Rulebook
    former: Route
    active: ActiveCampaign
    planned_at: datetime
    now: datetime

    def take_back(self) -> None:
        """A step that is there again, as after a rollback, takes back those who were moved to the end from it."""
        there = sorted(self.new.stops)
        ended = and_(decisions.c.campaign == self.active.key, decisions.c.moved_to == END, decisions.c.step.in_(there))
        emails = [step.key for step in self.new.emails]
        self.connection.execute(delete(decisions).where(ended, decisions.c.step.in_(emails)))
        open_again = {"moved_to": None, "moved_at": None}
        was_open = case((decisions.c.branch == MOVED, null()), else_=decisions.c.branch)
        self.connection.execute(update(decisions).where(ended).values(branch=was_open, **open_again))

    def moves(self) -> Iterator[Move]:
        """Moves them all, step by step."""
        old = self.old
        for key, stop in old.stops.items():
            if isinstance(stop.item, Step):
                yield from self._after_email(Edge(key, DONE))
                if key not in self.new.stops:
                    yield from self._open_email(key)
            else:
                if key not in self.new.stops:
                    yield from self._waiting(key)
                for outcome in stop.outcomes:
                    yield from self._after_decision(Edge(key, outcome))
            if key not in self.new.stops:
                self._retarget(key)

    # ---------------------------------------------------------------- where somebody goes on

    @property
    def new(self) -> Route:
        """The edited route."""
        return self.active.campaign.route

    @property
    def old(self) -> Route:
        """The route until now, under the names of the new one."""
        return renamed_route(self.former, self.new)

    def _next(self, edge: Edge) -> str | None:
        return self.new.follows(edge) if self.new.has(edge) else continuation(self.old, self.new, edge)

    @property
    def working(self) -> WorkingTime:
        return self.rulebook.company.working_time

    @property
    def floor(self) -> datetime:
        """What was due before this is not promised under the new rule."""
        return max(self.active.floor(self.now, self.rulebook.policy), self.now - LOOK_BACK)

    def _wait(self, route: Route, key: str) -> Wait:
        return limit_of(route.stops[key].item)

    def _oldest(self) -> datetime:
        """The earliest email after which the new rule could promise anything."""
        waits = [limit_of(stop.item) for stop in self.new.stops.values()] or [Wait()]
        return min(self.working.before(self.floor, wait) for wait in waits) - timedelta(days=1)

    # ---------------------------------------------------------------- who is there

    def _nothing_beyond(self, table: Any, edge: Edge) -> ColumnElement[bool]:
        """That the client has done no step behind this outcome in the old rule."""
        following = self.old.follows(edge)
        if following is None:
            return true()
        keys = [following, *sorted(self.old.beyond[following])]
        tables = (promises.alias("other"), decisions.alias("decided"))
        return ~or_(*(exists().where(*self._same(other, table), other.c.step.in_(keys)) for other in tables))

    def _same(self, other: Any, table: Any) -> tuple[ColumnElement[bool], ...]:
        """That a row of another table is of the same sequence of the same client."""
        return (
            other.c.campaign == self.active.key,
            other.c.customer_id == table.c.customer_id,
            other.c.occurrence == table.c.occurrence,
        )

    def _not_moved(self, table: Any) -> ColumnElement[bool]:
        moved = decisions.alias("moved")
        here = (moved.c.step == table.c.step, moved.c.moved_to.is_not(None))
        return ~exists().where(*self._same(moved, table), *here)

    def _in_flight(self, moment: Any, edge: Edge) -> ColumnElement[bool]:
        """That what follows in the old rule was not due at the last plan."""
        following = self.old.follows(edge)
        wait = Wait() if following is None else self._wait(self.old, following)
        begun: ColumnElement[bool] = moment > self.working.before(self.planned_at, wait)
        return begun

    # ---------------------------------------------------------------- moving

    def _after_email(self, edge: Edge) -> Iterator[Move]:
        done = (promises.c.campaign == self.active.key, promises.c.step == edge.key)
        going = [*done, went(promises), self._nothing_beyond(promises, edge), self._not_moved(promises)]
        if self.old.follows(edge) is not None:
            in_flight = [*going, self._in_flight(promises.c.settled_at, edge)]
            yield from self._lead(promises, promises.c.settled_at, edge, in_flight)
        if not self.new.has(edge):  # its place is past for those who had it: a step in its stead is not for them
            recent = [*done, promises.c.settled_at > self._oldest(), self._nothing_beyond(promises, edge)]
            self._insert(promises, promises.c.settled_at, END, [*recent, self._not_moved(promises)])

    def _open_email(self, key: str) -> Iterator[Move]:
        """Those for whom a removed email was planned or held: it is skipped, and they go on at once."""
        waiting = [
            promises.c.campaign == self.active.key, promises.c.step == key,
            promises.c.state.in_([State.HELD, State.PLANNED]), self._not_moved(promises),
        ]  # fmt: skip
        to = continuation(self.old, self.new, Edge(key, DONE))
        count = self._insert(promises, literal(self.now, Instant()), END if to is None else to, waiting)
        yield Move(key, to, count)

    def _after_decision(self, edge: Edge) -> Iterator[Move]:
        if self.old.follows(edge) is None:
            return
        going = [
            decisions.c.campaign == self.active.key, decisions.c.step == edge.key, decisions.c.branch == edge.outcome,
            decisions.c.moved_to.is_(None), self._nothing_beyond(decisions, edge),
            self._in_flight(decisions.c.decided_at, edge),
        ]  # fmt: skip
        yield from self._lead(decisions, decisions.c.at, edge, going)

    def _lead(self, table: Any, moment: Any, edge: Edge, going: list[ColumnElement[bool]]) -> Iterator[Move]:
        """Leads those after an outcome to what comes next in the new rule, where that does not go by itself."""
        before, to = self.old.follows(edge), self._next(edge)
        assert before is not None
        by_itself = self.new.has(edge)
        if to is None:
            count = self._count(table, going) if by_itself else self._move(table, moment, END, going)
            yield Move(edge.key, None, count)
            return
        item, wait = self.new.stops[to].item, self._wait(self.new, to)
        latest = self.now if isinstance(item, WaitFor) else self.working.before(self.now, wait)
        if not by_itself:
            starts = case((moment < latest, literal(latest, Instant())), else_=moment)
            yield Move(edge.key, to, self._move(table, starts, to, going))
            return
        if before == to and self._wait(self.old, before) == wait and self.floor <= self.planned_at:
            return
        if before != to:
            yield Move(edge.key, to, self._count(table, going))
        # A wait that was shortened may be over for long: without a move nobody would look at them any more.
        over = moment <= self.working.before(self.floor, wait)
        self._move(table, literal(latest, Instant()), to, [*going, over])

    def _waiting(self, key: str) -> Iterator[Move]:
        """Those who wait at a removed decision: they go on after it, now."""
        waiting = and_(
            decisions.c.campaign == self.active.key, decisions.c.step == key, decisions.c.branch.is_(None)
        )  # fmt: skip
        to = self.after(key)
        ended = {"branch": MOVED, "at": self.now, "decided_at": self.now, "cause": "removed"}
        values = {**ended, "moved_to": END if to is None else to, "moved_at": self.now}
        yield Move(key, to, self.connection.execute(update(decisions).where(waiting).values(**values)).rowcount)

    def after(self, key: str) -> str | None:
        """Where those go on who wait at a removed decision: with what follows it, its branches left out."""
        return first_left(self.old, self.new, self.old.stops[key].after, key)

    def _retarget(self, key: str) -> None:
        """Those who were moved to a step that is removed now, before they came to it."""
        to = continuation(self.old, self.new, Edge(key, DONE))
        moved = (decisions.c.campaign == self.active.key, decisions.c.moved_to == key)
        self.connection.execute(update(decisions).where(*moved).values(moved_to=END if to is None else to))

    def _move(self, table: Any, moment: Any, to: str, going: list[ColumnElement[bool]]) -> int:
        if table is promises:
            return self._insert(promises, moment, to, going)
        statement = update(decisions).where(*going).values(moved_to=to, moved_at=moment)
        return self.connection.execute(statement).rowcount

    def _insert(self, table: Any, moment: Any, to: str, going: list[ColumnElement[bool]]) -> int:
        now = literal(self.now, Instant())
        rows = select(
            table.c.campaign, table.c.step, table.c.customer_id, table.c.occurrence, table.c.source_id, now, now, now,
            literal(MOVED, Text), now, now, literal("removed", Text), literal(to, Text), moment,
            literal(self.rulebook.digest(self.active.campaign), Text),
        ).where(*going)  # fmt: skip
        statement = insert(self.connection, decisions).from_select(_COLUMNS, rows).on_conflict_do_nothing()
        return self.connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount

    def _count(self, table: Any, going: list[ColumnElement[bool]]) -> int:
        return int(self.connection.scalar(select(func.count()).select_from(table).where(*going)) or 0)


def continuation(old: Route, new: Route, edge: Edge) -> str | None:
    """The first step behind an outcome that the new route still has; None for the end."""
    return first_left(old, new, old.follows(edge), edge.key)


def first_left(old: Route, new: Route, key: str | None, origin: str) -> str | None:
    """The first step from `key` on that is left; else what follows the innermost decision around `origin` that is."""
    while key is not None:
        if key in new.stops:
            return key
        stop = old.stops[key]
        key = stop.outcomes[DONE] if isinstance(stop.item, Step) else stop.after
    around = [edge.key for edge in old.around(origin)]
    own = [] if isinstance(old.stops[origin].item, (Step, Start)) else [origin]
    left = [each for each in (*around, *own) if each in new.stops]
    return new.stops[left[-1]].after if left else None


def in_flight(connection: Connection, active_campaigns: Mapping[str, ActiveCampaign]) -> dict[str, dict[str, int]]:
    """By campaign name and decision, how many clients wait there now, in the order of the rule."""
    deciding = {key: active for key, active in active_campaigns.items() if active.campaign.route.decisions}
    if not deciding:
        return {}
    query = (
        select(decisions.c.campaign, decisions.c.step, func.count())
        .where(decisions.c.campaign.in_(sorted(deciding)), decisions.c.branch.is_(None))
        .group_by(decisions.c.campaign, decisions.c.step)
    )
    counts = {(row[0], row[1]): int(row[2]) for row in connection.execute(query)}
    return {
        active.campaign.name: {
            stop.key: counts[key, stop.key] for stop in active.campaign.route.decisions if (key, stop.key) in counts
        }
        for key, active in deciding.items()
        if any(each == key for each, _ in counts)
    }
