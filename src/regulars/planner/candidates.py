"""Who is due by each kind of trigger, as SELECTs of one shape, and not a moment before.

Columns: customer_id, occurrence (text), due_at, source_id (the event or purchase, or NULL). Conditions of
the audience are in; what the ledger already holds is taken out later, in one place (`promise.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Integer,
    Join,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.sql import ColumnElement, and_, true
from sqlalchemy.types import TypeEngine

from regulars.clearance import Ground, Live
from regulars.core.calendar import SENTINELS
from regulars.core.working import Wait
from regulars.ledger import State
from regulars.planner.dates import DueDay, DueFeast, due_days, due_feasts, due_times, since_midnight
from regulars.planner.waits import waited
from regulars.rules.feasts import DEFAULT
from regulars.rules.model import Step
from regulars.store.fields import told_from_event
from regulars.store.functions import regulars_date, regulars_day
from regulars.store.happenings import happenings
from regulars.store.rowset import rows_of, written
from regulars.store.tables import customers, members, products, promises, values_seen
from regulars.store.types import MICROSECOND, Instant, Key, to_micros

OVERLAP = timedelta(hours=1)
"""How far an event's arrival is looked for before the last plan: longer than any import's transaction."""
_NO_SOURCE = cast(null(), Key)
DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=400)
"""How long after its date a recurring email is still named as late: more than one round of a year."""

_TIMES: dict[str, TypeEngine[Any]] = {"zone": Text(), "occurrence": Text(), "due_at": BigInteger()}


def falls_due(ground: Ground, live: Live) -> bool:
    """Whether the calendar has something for anybody; what other triggers have, only their query tells."""
    dates = _DATES.get(_kind(live))
    return dates is None or bool(dates(ground, live))


def candidates(ground: Ground, live: Live) -> Select[Any]:
    """Those due at `now` who match the audience."""
    match _kind(live):
        case "on":
            return _by_event(ground, live)
        case "when":
            return _by_state(ground, live)
        case "each":
            return _by_value(ground, live)
        case "new":
            return _by_product(ground, live)
        case "feast":
            return _by_feast(ground, live)
        case "every":
            return _by_date(ground, live)
        case _:
            return _by_time(ground, live)


def _kind(live: Live) -> str:
    every = live.campaign.every
    return "feast" if every is not None and every.calendar is not None else live.campaign.trigger


def _begun(ground: Ground, wait: Wait) -> ColumnElement[Any]:
    """The last beginning from which the wait is over by now."""
    working = ground.rulebook.company.working_time
    return ground.late(Instant(), lambda at: working.before(at.now, wait))


def _floor(ground: Ground, live: Live, wait: Wait) -> ColumnElement[Any]:
    """The beginning before which nothing can be due that was not decided already."""
    working, policy = ground.rulebook.company.working_time, ground.rulebook.policy
    return ground.late_of(live, Instant(), lambda at, of: working.before(of.floor(at.now, policy), wait))


def _after_last_look(ground: Ground, live: Live, received: ColumnElement[Any]) -> ColumnElement[bool]:
    """What arrived after the last plan about something long past is promised too, and found late."""
    last = ground.late_of(live, Instant(), lambda _, of: of.planned_at - OVERLAP if of.planned_at else of.planned_at)
    return received > last


def _clients(ground: Ground) -> Join:
    return customers.join(ground.facts, ground.facts.c.customer_id == customers.c.id)


def _wave(ground: Ground, live: Live, **given: Any) -> ColumnElement[int]:
    """The place of the first wave whose condition is true now; NULL for none, 0 where there are no waves."""
    waves = live.campaign.waves
    places = [
        (ground.holds("campaigns", live.campaign.name, "waves", place, "to", **given), literal(place, Integer))
        for place in range(len(waves))
    ]
    return case(*places, else_=cast(null(), Integer)) if waves else literal(0, Integer)


def _shape(
    joined: Join, occurrence: Any, due_at: Any, source_id: Any = _NO_SOURCE, wave: ColumnElement[int] | None = None
) -> Select[Any]:
    return select(
        (literal(0, Integer) if wave is None else wave).label("wave"),
        customers.c.id.label("customer_id"),
        occurrence.label("occurrence"),
        _micros(due_at).label("due_at"),
        source_id.label("source_id"),
        customers.c.bucket.label("bucket"),
    ).select_from(joined)


def _by_event(ground: Ground, live: Live) -> Select[Any]:
    campaign = live.campaign
    assert campaign.on is not None
    happened = happenings(campaign.on)
    wait, working = campaign.lead, ground.rulebook.company.working_time
    given: dict[str, Any] = {"event_data": happened.c.data, "event_at": happened.c.occurred_at}
    audience = ground.holds("campaigns", campaign.name, "audience", **given)
    since = ground.late_of(live, Instant(), lambda _, of: working.before(of.since, wait))
    recent: ColumnElement[bool] = happened.c.occurred_at > _floor(ground, live, wait)
    if live.planned_at is not None:
        recent = or_(recent, _after_last_look(ground, live, happened.c.received_at))
    chosen = [
        happened.c.occurred_at > since if live.bounded else true(),
        happened.c.occurred_at <= _begun(ground, wait),
        recent,
    ]
    source, due_at = waited(ground, happened, happened.c.occurred_at, wait, chosen)
    joined = _clients(ground).join(source, happened.c.customer_id == customers.c.id)
    wave = _wave(ground, live, **given)
    return _shape(joined, happened.c.external_id, due_at, happened.c.id, wave).where(*chosen, audience)


def timed(ground: Ground, live: Live, step: Step) -> Select[Any]:
    """Those for whom the step is due by an instant that its event names, such as a day before a visit.

    The bound on the text keeps the reading of instants to the days in question, however many events there are.
    """
    campaign, timing = live.campaign, step.at
    assert campaign.on is not None
    assert timing is not None
    happened, policy = happenings(campaign.on), ground.rulebook.policy
    due_at, written = told_from_event(timing, happened.c.data), happened.c.data[timing.field].as_string()
    ago = timedelta() - timing.offset
    floor = ground.late_of(live, BigInteger(), lambda at, of: to_micros(of.floor(at.now, policy)))
    earliest = ground.late_of(live, Text(), lambda at, of: _day(of.floor(at.now, policy), ago - DAY))
    recent: ColumnElement[bool] = and_(written >= earliest, due_at > floor)
    if live.planned_at is not None:
        recent = or_(recent, _after_last_look(ground, live, happened.c.received_at))
    joined = _clients(ground).join(happened, happened.c.customer_id == customers.c.id)
    return _shape(joined, happened.c.external_id, due_at, happened.c.id).where(
        happened.c.occurred_at <= ground.late(Instant(), lambda at: at.now),
        written < ground.late(Text(), lambda at: _day(at.now, ago + 2 * DAY)),
        due_at > ground.late_of(live, BigInteger(), lambda _, of: to_micros(of.since)) if live.bounded else true(),
        due_at <= ground.late(BigInteger(), lambda at: to_micros(at.now)),
        recent,
        ground.holds(
            "campaigns", campaign.name, "audience", event_data=happened.c.data, event_at=happened.c.occurred_at
        ),
    )


def _day(moment: datetime, shift: timedelta) -> str:
    """The day of the shifted instant as text; for one that was never bounded, a text before every day."""
    return f"{moment + shift:%Y-%m-%d}" if moment.year > 1970 else ""


def _by_state(ground: Ground, live: Live) -> Select[Any]:
    """Members in the state, the baseline apart; a pause between two occurrences defers, it does not skip."""
    campaign = live.campaign
    had = (
        select(promises.c.customer_id, func.max(_micros(promises.c.due_at)).label("due_at"))
        .where(promises.c.campaign == live.key, promises.c.state.not_in([State.SKIPPED, State.FAILED]))
        .group_by(promises.c.customer_id)
        .subquery("had")
    )
    chosen = [
        members.c.campaign == live.key, members.c.left_at.is_(None), members.c.baseline.is_(False),
        members.c.entered_at <= _begun(ground, campaign.lead),
    ]  # fmt: skip
    inside, due_at = waited(ground, members, members.c.entered_at, campaign.lead, chosen)
    if campaign.backfill.mode == "all":
        due_at = _later(due_at, ground.late_of(live, BigInteger(), lambda _, of: to_micros(of.applied_at)))
    pause = campaign.reentry.after
    if pause is not None:
        due_at = _later(due_at, func.coalesce(had.c.due_at + pause // MICROSECOND, due_at))
    joined = _clients(ground).join(inside, members.c.customer_id == customers.c.id)
    joined = joined.outerjoin(had, had.c.customer_id == customers.c.id)
    query = _shape(joined, members.c.occurrence, due_at, wave=_wave(ground, live)).where(*chosen)
    return query.where(had.c.customer_id.is_(None)) if pause is None else query


def _by_value(ground: Ground, live: Live) -> Select[Any]:
    """Clients with a value that they never had; what was noted up to now, by the plan itself."""
    wait = live.campaign.lead
    chosen = [
        values_seen.c.campaign == live.key,
        values_seen.c.baseline.is_(False),
        values_seen.c.at <= _begun(ground, wait),
        values_seen.c.at >= _floor(ground, live, wait),
    ]
    source, due_at = waited(ground, values_seen, values_seen.c.at, wait, chosen)
    joined = _clients(ground).join(source, values_seen.c.customer_id == customers.c.id)
    return _shape(joined, values_seen.c.value, due_at, wave=_wave(ground, live)).where(*chosen)


def _by_product(ground: Ground, live: Live) -> Select[Any]:
    """Every client of the audience, for every product that was launched."""
    wait = live.campaign.lead
    chosen = [products.c.launched_at > _floor(ground, live, wait), products.c.launched_at <= _begun(ground, wait)]
    source, due_at = waited(ground, products, products.c.launched_at, wait, chosen)
    audience = ground.holds("campaigns", live.campaign.name, "audience", product=products)
    wave = _wave(ground, live, product=products)
    joined = _clients(ground).join(source, true())
    return _shape(joined, products.c.sku, due_at, products.c.id, wave).where(*chosen, audience)


def _later(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((left >= right, left), else_=right)


def _micros(instant: ColumnElement[Any]) -> ColumnElement[int]:
    """An instant as the number it is kept as, for arithmetic."""
    return type_coerce(instant, BigInteger)


def _dates(ground: Ground, live: Live) -> list[tuple[Any, ...]]:
    """What `every` brings by a client's own date, zone by zone, up to now."""
    found: list[DueDay] = []
    for zone, after in _since(ground, live):
        found += due_days(live.campaign, ground.rulebook, (zone,), after, ground.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at), d.ordinal, d.month, d.day) for d in found]


def _feasts(ground: Ground, live: Live) -> list[tuple[Any, ...]]:
    """What `every` brings by a calendar."""
    found: list[DueFeast] = []
    for zone, after in _since(ground, live):
        found += due_feasts(live.campaign, ground.rulebook, (zone,), after, ground.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at), d.country) for d in found]


def _since(ground: Ground, live: Live) -> Iterator[tuple[str, datetime]]:
    """Each zone, and after when its dates count; the day on which a rule comes into force counts as a whole."""
    floor = max(live.floor(ground.now, ground.rulebook.policy), ground.now - LOOK_BACK)
    for zone in ground.zones:
        yield zone, since_midnight(floor, zone) if floor == live.since else floor


def _times(ground: Ground, live: Live) -> list[tuple[Any, ...]]:
    """What `at` and `schedule` bring."""
    after = max(live.floor(ground.now, ground.rulebook.policy), ground.now - LOOK_BACK)
    found = due_times(live.campaign, ground.rulebook, ground.zones, after, ground.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at)) for d in found]


Dates = Callable[[Ground, Live], list[tuple[Any, ...]]]
_DATES: dict[str, Dates] = {"every": _dates, "feast": _feasts, "at": _times, "schedule": _times}


def _by_date(ground: Ground, live: Live) -> Select[Any]:
    every = live.campaign.every
    assert every is not None
    table = _falling_due(
        ground, live, {**_TIMES, "ordinal": Integer(), "month": Integer(), "day": Integer()}, _dates
    )  # fmt: skip
    # The day of an instant is dear to work out, so it is done once for each client.
    worked_out = select(customers.c.id, _day_number(ground, every.field).label("number")).select_from(_clients(ground))
    dated = worked_out.cte("dated", nesting=True).prefix_with("MATERIALIZED")
    number = dated.c.number
    joined = _clients(ground).join(dated, dated.c.id == customers.c.id).join(table, table.c.zone == ground.zone)
    month = number // 100 % 100
    elapsed = table.c.ordinal - (number // 10_000 * 12 + month - 1)
    fits = [
        number % 100 == table.c.day,
        elapsed > 0,
        elapsed % every.months == 0,
        number.not_in(sorted(d.year * 10_000 + d.month * 100 + d.day for d in SENTINELS)),
    ]
    if every.months % 12 == 0:
        fits.append(month == table.c.month)
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(ground, live)).where(
        *fits, ground.holds("campaigns", live.campaign.name, "audience")
    )


def _by_feast(ground: Ground, live: Live) -> Select[Any]:
    """Clients whose country keeps a day of the calendar, by their own clock."""
    campaign, book = live.campaign, ground.rulebook
    assert campaign.every is not None
    table = _falling_due(ground, live, {**_TIMES, "country": Text()}, _feasts)
    own = func.upper(func.trim(customers.c.country))
    countries = book.calendars[campaign.every.calendar or ""].countries
    kept = case((own.in_(countries), own), else_=literal(DEFAULT, Text))
    joined = _clients(ground).join(table, and_(table.c.zone == ground.zone, table.c.country == kept))
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(ground, live)).where(
        ground.holds("campaigns", campaign.name, "audience")
    )


def _falling_due(ground: Ground, live: Live, types: dict[str, TypeEngine[Any]], dates: Dates) -> CTE:
    """The calendar's small table, kept in one place so that the database can index it while it joins."""
    text = ground.late_of(live, Text(), lambda at, of: written(at.connection, types, dates(at, of)))
    given = select(rows_of(ground.connection, "given", types, text))
    return given.cte("falling_due", nesting=True).prefix_with("MATERIALIZED")


def _day_number(ground: Ground, field: str) -> ColumnElement[int]:
    """A customer's date as 20260131: a date as it stands, an instant by the client's calendar."""
    if field in ground.rulebook.fields:
        return regulars_date(customers.c.attrs[field].as_string())
    found = (customers if field in customers.c else ground.facts).c[field]
    if isinstance(found.type, Instant):
        return regulars_day(type_coerce(found, BigInteger), ground.zone)
    return regulars_date(found)


def _by_time(ground: Ground, live: Live) -> Select[Any]:
    table = _falling_due(ground, live, _TIMES, _times)
    joined = _clients(ground).join(table, table.c.zone == ground.zone)
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(ground, live)).where(
        ground.holds("campaigns", live.campaign.name, "audience")
    )
