"""What a rehearsal reads out of the ledger: samples for people to look at, counts, and when to look again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, func, insert, or_, select, type_coerce

from regulars.clearance import Live, live
from regulars.core.working import Wait, WorkingTime
from regulars.ledger import State
from regulars.rules.model import Rulebook
from regulars.store.fields import told_from_event
from regulars.store.happenings import happenings
from regulars.store.kept import Shelf
from regulars.store.tables import campaigns, customers, members, products, promises, rule_versions, values_seen
from regulars.store.types import from_micros, to_micros

_WENT = (State.SENT, State.UNCERTAIN, State.SKIPPED)
_SLICE = 5_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One client of a campaign and what the plan decided for them. `outcome`: due, held or skipped."""

    outcome: str
    step: str
    customer: str
    name: str | None
    email: str | None
    due_at: datetime
    next_at: datetime | None
    reason: str | None
    detail: str | None


def decided(now: datetime) -> ColumnElement[bool]:
    """What a plan at `now` left: planned, held, or skipped by it."""
    skipped = and_(promises.c.state == State.SKIPPED, promises.c.settled_at == now)
    return or_(promises.c.state.in_([State.PLANNED, State.HELD]), skipped)


def samples(connection: Connection, lives: Mapping[str, Live], now: datetime, count: int) -> dict[str, list[Sample]]:
    """By campaign name, up to `count` clients of each step, outcome and reason, in the order in which they were due."""
    place = func.row_number().over(
        partition_by=(promises.c.campaign, promises.c.step, promises.c.state, promises.c.reason),
        order_by=(promises.c.due_at, promises.c.id),
    )
    ranked = select(promises, place.label("place")).where(decided(now)).subquery()
    query = (
        select(ranked, customers.c.external_id, customers.c.name, customers.c.first_name, customers.c.email)
        .join(customers, customers.c.id == ranked.c.customer_id)
        .where(ranked.c.place <= count)
        .order_by(ranked.c.campaign, ranked.c.state.desc(), ranked.c.reason, ranked.c.due_at, ranked.c.id)
    )
    found: dict[str, list[Sample]] = {}
    for row in connection.execute(query):
        outcome = "due" if row.state == State.PLANNED else str(row.state)
        sample = Sample(
            outcome, row.step, row.external_id, row.name or row.first_name, row.email, row.due_at,
            row.next_at if row.state == State.HELD else None, row.reason, _named(lives, row.detail),
        )  # fmt: skip
        found.setdefault(_name(lives, row.campaign), []).append(sample)
    return found


def _name(lives: Mapping[str, Live], key: str) -> str:
    return lives[key].campaign.name if key in lives else key


def _named(lives: Mapping[str, Live], detail: str | None) -> str | None:
    """The winner of a cap by the name it has now; other details as they are."""
    return None if detail is None else _name(lives, detail)


def left_alone(connection: Connection, keys: Iterable[str]) -> dict[str, int]:
    """For these campaigns, how many were past the trigger when the rule came, and are not written to."""
    chosen = list(keys)
    inside = select(members.c.campaign, func.count()).where(
        members.c.campaign.in_(chosen), members.c.baseline, members.c.left_at.is_(None)
    )
    known = select(values_seen.c.campaign, func.count()).where(
        values_seen.c.campaign.in_(chosen), values_seen.c.baseline
    )
    rows = [
        *connection.execute(inside.group_by(members.c.campaign)),
        *connection.execute(known.group_by(values_seen.c.campaign)),
    ]
    return {key: int(count) for key, count in rows}


def held(connection: Connection, lives: Mapping[str, Live]) -> dict[str, Counter[str]]:
    """By campaign name, how many wait now, and why."""
    return _reasons(connection, lives, promises.c.state == State.HELD)


def skipped(connection: Connection, lives: Mapping[str, Live], at: datetime) -> dict[str, Counter[str]]:
    """By campaign name, how many were skipped at that instant, and why."""
    return _reasons(connection, lives, and_(promises.c.state == State.SKIPPED, promises.c.settled_at == at))


def _reasons(connection: Connection, lives: Mapping[str, Live], chosen: ColumnElement[bool]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    columns = (promises.c.campaign, promises.c.reason)
    rows = connection.execute(select(*columns, func.count()).where(chosen).group_by(*columns))
    for key, reason, count in rows:
        found.setdefault(_name(lives, key), Counter())[str(reason)] += int(count)
    return found


@dataclass(frozen=True, slots=True)
class Email:
    """One email that went: campaign key, step, and the client's external id."""

    campaign: str
    step: str
    customer: str


def emails(connection: Connection, ids: Sequence[int]) -> list[Email]:
    """The emails of these promises."""
    found: list[Email] = []
    for start in range(0, len(ids), _SLICE):
        rows = connection.execute(
            select(promises.c.campaign, promises.c.step, customers.c.external_id)
            .join(customers, customers.c.id == promises.c.customer_id)
            .where(promises.c.id.in_(ids[start : start + _SLICE]))
        )
        found += [Email(*row) for row in rows]
    return found


def sources_in_force(connection: Connection) -> dict[str, dict[str, Any]]:
    """By name, the text of every campaign in force, as data."""
    joined = campaigns.join(rule_versions, rule_versions.c.rule == campaigns.c.rule)
    query = select(campaigns.c.name, rule_versions.c.source).select_from(joined).where(campaigns.c.retired_at.is_(None))
    return {str(name): dict(source) for name, source in connection.execute(query)}


def names_of_keys(connection: Connection, book: Rulebook) -> dict[str, str]:
    """Campaign keys and the names the files have for them: a campaign renamed in the files goes by its new name."""
    renamed = {campaign.was: name for name, campaign in book.campaigns.items() if campaign.was}
    digests = {book.digest(campaign): name for name, campaign in book.campaigns.items()}
    rows = connection.execute(select(campaigns.c.key, campaigns.c.name, campaigns.c.rule))
    return {
        key: name if name in book.campaigns else renamed.get(name, digests.get(rule, name)) for key, name, rule in rows
    }


Coming = tuple[ColumnElement[int], Callable[[int], int]]
"""What is looked for, and how what is found becomes the instant at which something may be due."""


def upcoming(connection: Connection, book: Rulebook, after: datetime, shelf: Shelf) -> datetime | None:
    """The next instant after `after` at which the ledger or what has happened by now lets something become due."""
    lives = [found for found in live(connection, book).values() if found.campaign.enabled]
    key = ("upcoming", *((found.key, book.digest(found.campaign)) for found in lives))
    asked, ends = shelf.take(key, after, lambda: _looked_for(lives, _Looking(shelf, book.company.working_time)))
    row = connection.execute(asked).one()
    instants = [end(int(moment)) for end, moment in zip(ends, row, strict=True) if moment is not None]
    return from_micros(min(instants)) if instants else None


def _looked_for(lives: Sequence[Live], looking: _Looking) -> tuple[Select[Any], list[Callable[[int], int]]]:
    found = [looking.held()]
    for one in lives:
        found += [*looking.steps(one), *looking.first(one), *looking.timed(one)]
    return select().add_columns(*(query for query, _ in found)), [end for _, end in found]


@dataclass(frozen=True, slots=True)
class _Looking:
    """Looks for what comes after the instant that the statement is asked with."""

    shelf: Shelf
    working: WorkingTime

    def held(self) -> Coming:
        """When what waits in the ledger is looked at again."""
        waiting = promises.c.state.in_([State.HELD, State.PLANNED])
        return self._one(_micros(promises.c.next_at), waiting), _itself

    def steps(self, live: Live) -> list[Coming]:
        """When the waits between steps end."""
        return [
            self._soonest(
                promises.c.settled_at, step.wait,
                promises.c.campaign == live.key, promises.c.step == before.key, promises.c.state.in_(_WENT),
            )
            for before, step in live.campaign.following
        ]  # fmt: skip

    def timed(self, live: Live) -> list[Coming]:
        """When the instants of events bring their emails."""
        if live.campaign.on is None:
            return []
        data = happenings(live.campaign.on).c.data
        steps = [step for step in live.campaign.all_steps if step.at is not None]
        return [(self._one(told_from_event(step.at, data)), _itself) for step in steps if step.at is not None]

    def first(self, live: Live) -> list[Coming]:
        """When the first step's wait ends, and the pause before the campaign may come again."""
        campaign = live.campaign
        wait, pause = campaign.lead, campaign.reentry.after
        if campaign.on is not None:
            if campaign.all_steps[0].at is not None:
                return []
            return [self._soonest(happenings(campaign.on).c.occurred_at, wait)]
        if campaign.new is not None:
            return [self._soonest(products.c.launched_at, wait)]
        if campaign.each is not None:
            noted = (values_seen.c.campaign == live.key, ~values_seen.c.baseline)
            return [self._soonest(values_seen.c.at, wait, *noted)] if wait else []
        if campaign.when is None:
            return []
        mine = promises.c.campaign == live.key
        found = [self._soonest(promises.c.due_at, Wait(pause), mine)] if pause else []
        if wait:
            inside = (members.c.campaign == live.key, members.c.left_at.is_(None), ~members.c.baseline)
            found.append(self._soonest(members.c.entered_at, wait, *inside))
        return found

    def _soonest(self, moment: ColumnElement[datetime], wait: Wait, *chosen: ColumnElement[bool]) -> Coming:
        """The first end of a wait that begins at one of these moments."""
        last = self.shelf.late(BigInteger(), lambda after: to_micros(self.working.before(after, wait)))
        begun = select(func.min(_micros(moment))).where(_micros(moment) > last, *chosen).scalar_subquery()
        return begun, lambda first: to_micros(self.working.after(from_micros(first), wait))

    def _one(self, moment: ColumnElement[int], *chosen: ColumnElement[bool]) -> ColumnElement[int]:
        now = self.shelf.late(BigInteger(), to_micros)
        return select(func.min(moment)).where(moment > now, *chosen).scalar_subquery()


def _itself(moment: int) -> int:
    return moment


def _micros(moment: ColumnElement[datetime]) -> ColumnElement[int]:
    return type_coerce(moment, BigInteger)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an email of a campaign stands for one client: its promise, or the sequence that it would belong to."""

    promise: int | None
    occurrence: str | None
    source_id: int | None


def latest_place(connection: Connection, live: Live, step: str, customer_id: int, now: datetime) -> Place:
    """The latest sequence of the campaign that the client has, with this step's promise if it was made."""
    mine = select(promises.c.id, promises.c.step, promises.c.occurrence, promises.c.source_id).where(
        promises.c.campaign == live.key, promises.c.customer_id == customer_id
    )
    found = connection.execute(mine.order_by(promises.c.due_at.desc(), promises.c.id.desc())).all()
    if not found:
        return Place(None, None, _latest_source(connection, live, customer_id, now))
    sequence = [row for row in found if row.occurrence == found[0].occurrence]
    promise = next((int(row.id) for row in sequence if row.step == step), None)
    return Place(promise, str(found[0].occurrence), found[0].source_id)


def _latest_source(connection: Connection, live: Live, customer_id: int, now: datetime) -> int | None:
    """The latest event or product of those that set the campaign off."""
    if live.campaign.new is not None:
        launched = select(products.c.id).where(products.c.launched_at <= now)
        return connection.scalar(launched.order_by(products.c.launched_at.desc(), products.c.id.desc()).limit(1))
    if live.campaign.on is None:
        return None
    happened = happenings(live.campaign.on)
    query = select(happened.c.id).where(happened.c.customer_id == customer_id)
    found = connection.scalar(query.order_by(happened.c.occurred_at.desc(), happened.c.id.desc()).limit(1))
    return None if found is None else int(found)


def stand_in(
    connection: Connection, live: Live, step: str, customer_id: int, place: Place, now: datetime
) -> int:  # fmt: skip
    """A promise to compose an email from, in a transaction that will be undone; its key."""
    campaign = live.campaign
    row = {
        "campaign": live.key, "step": step, "customer_id": customer_id, "occurrence": place.occurrence or "preview",
        "state": State.SKIPPED, "kind": campaign.kind, "recipient": campaign.to, "source_id": place.source_id,
        "rule": campaign.digest, "due_at": now, "expires_at": now, "next_at": now, "created_at": now,
    }  # fmt: skip
    return int(connection.execute(insert(promises).values(row).returning(promises.c.id)).scalar_one())
