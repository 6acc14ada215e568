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

from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext
from regulars.core.calendar import SENTINELS
from regulars.core.working import Wait
from regulars.db.event_source import event_source
from regulars.db.json_fields import instant_in_event
from regulars.db.rowset import encoded, rows_of
from regulars.db.sql_functions import regulars_date, regulars_day
from regulars.db.states import State
from regulars.db.tables import customers, members, products, promises, values_seen
from regulars.db.types import MICROSECOND, Instant, Key, to_micros
from regulars.rules.calendar_days import DEFAULT
from regulars.rules.model import Step
from regulars.triggers.dates import DueCalendarDay, DueDay, due_calendar_days, due_days, due_times, since_midnight
from regulars.triggers.waits import with_wait

OVERLAP = timedelta(hours=1)
"""How far an event's arrival is looked for before the last plan: longer than any import's transaction."""
_NO_SOURCE = cast(null(), Key)
DAY = timedelta(days=1)
LOOK_BACK = timedelta(days=400)
"""How long after its date a recurring email is still named as late: more than one round of a year."""

_TIMES: dict[str, TypeEngine[Any]] = {"zone": Text(), "occurrence": Text(), "due_at": BigInteger()}


def falls_due(context: PlanContext, active: ActiveCampaign) -> bool:
    """Whether the calendar has something for anybody; what other triggers have, only their query tells."""
    dates = _DATES.get(_kind(active))
    return dates is None or bool(dates(context, active))


def candidates(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Those due at `now` who match the audience."""
    match _kind(active):
        case "on":
            return _by_event(context, active)
        case "when":
            return _by_state(context, active)
        case "each":
            return _by_value(context, active)
        case "new":
            return _by_product(context, active)
        case "feast":
            return _by_feast(context, active)
        case "every":
            return _by_date(context, active)
        case _:
            return _by_time(context, active)


def _kind(active: ActiveCampaign) -> str:
    every = active.campaign.every
    return "feast" if every is not None and every.calendar is not None else active.campaign.trigger


def _begun(context: PlanContext, wait: Wait) -> ColumnElement[Any]:
    """The last beginning from which the wait is over by now."""
    working = context.rulebook.company.working_time
    return context.deferred(Instant(), lambda at: working.before(at.now, wait))


def _floor(context: PlanContext, active: ActiveCampaign, wait: Wait) -> ColumnElement[Any]:
    """The beginning before which nothing can be due that was not decided already."""
    working, policy = context.rulebook.company.working_time, context.rulebook.policy
    return context.deferred_for(active, Instant(), lambda at, of: working.before(of.floor(at.now, policy), wait))


def _after_last_look(context: PlanContext, active: ActiveCampaign, received: ColumnElement[Any]) -> ColumnElement[bool]:
    """What arrived after the last plan about something long past is promised too, and found late."""
    last = context.deferred_for(
        active, Instant(), lambda _, of: of.planned_at - OVERLAP if of.planned_at else of.planned_at
    )
    return received > last


def _clients(context: PlanContext) -> Join:
    return customers.join(context.facts, context.facts.c.customer_id == customers.c.id)


def _wave(context: PlanContext, active: ActiveCampaign, **given: Any) -> ColumnElement[int]:
    """The place of the first wave whose condition is true now; NULL for none, 0 where there are no waves."""
    waves = active.campaign.waves
    places = [
        (context.holds("campaigns", active.campaign.name, "waves", place, "to", **given), literal(place, Integer))
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


def _by_event(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    campaign = active.campaign
    assert campaign.on is not None
    happened = event_source(campaign.on)
    wait, working = campaign.lead, context.rulebook.company.working_time
    given: dict[str, Any] = {"event_data": happened.c.data, "event_at": happened.c.occurred_at}
    audience = context.holds("campaigns", campaign.name, "audience", **given)
    since = context.deferred_for(active, Instant(), lambda _, of: working.before(of.since, wait))
    recent: ColumnElement[bool] = happened.c.occurred_at > _floor(context, active, wait)
    if active.planned_at is not None:
        recent = or_(recent, _after_last_look(context, active, happened.c.received_at))
    chosen = [
        happened.c.occurred_at > since if active.bounded else true(),
        happened.c.occurred_at <= _begun(context, wait),
        recent,
    ]
    source, due_at = with_wait(context, happened, happened.c.occurred_at, wait, chosen)
    joined = _clients(context).join(source, happened.c.customer_id == customers.c.id)
    wave = _wave(context, active, **given)
    return _shape(joined, happened.c.external_id, due_at, happened.c.id, wave).where(*chosen, audience)


def timed(context: PlanContext, active: ActiveCampaign, step: Step) -> Select[Any]:
    """Those for whom the step is due by an instant that its event names, such as a day before a visit.

    The bound on the text keeps the reading of instants to the days in question, however many events there are.
    """
    campaign, timing = active.campaign, step.at
    assert campaign.on is not None
    assert timing is not None
    happened, policy = event_source(campaign.on), context.rulebook.policy
    due_at, encoded = instant_in_event(timing, happened.c.data), happened.c.data[timing.field].as_string()
    ago = timedelta() - timing.offset
    floor = context.deferred_for(active, BigInteger(), lambda at, of: to_micros(of.floor(at.now, policy)))
    earliest = context.deferred_for(active, Text(), lambda at, of: _day(of.floor(at.now, policy), ago - DAY))
    recent: ColumnElement[bool] = and_(encoded >= earliest, due_at > floor)
    if active.planned_at is not None:
        recent = or_(recent, _after_last_look(context, active, happened.c.received_at))
    joined = _clients(context).join(happened, happened.c.customer_id == customers.c.id)
    return _shape(joined, happened.c.external_id, due_at, happened.c.id).where(
        happened.c.occurred_at <= context.deferred(Instant(), lambda at: at.now),
        encoded < context.deferred(Text(), lambda at: _day(at.now, ago + 2 * DAY)),
        due_at > context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.since))
        if active.bounded
        else true(),
        due_at <= context.deferred(BigInteger(), lambda at: to_micros(at.now)),
        recent,
        context.holds(
            "campaigns", campaign.name, "audience", event_data=happened.c.data, event_at=happened.c.occurred_at
        ),
    )


def _day(moment: datetime, shift: timedelta) -> str:
    """The day of the shifted instant as text; for one that was never bounded, a text before every day."""
    return f"{moment + shift:%Y-%m-%d}" if moment.year > 1970 else ""


def _by_state(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Members in the state, the baseline apart; a pause between two occurrences defers, it does not skip."""
    campaign = active.campaign
    had = (
        select(promises.c.customer_id, func.max(_micros(promises.c.due_at)).label("due_at"))
        .where(promises.c.campaign == active.key, promises.c.state.not_in([State.SKIPPED, State.FAILED]))
        .group_by(promises.c.customer_id)
        .subquery("had")
    )
    chosen = [
        members.c.campaign == active.key, members.c.left_at.is_(None), members.c.baseline.is_(False),
        members.c.entered_at <= _begun(context, campaign.lead),
    ]  # fmt: skip
    inside, due_at = with_wait(context, members, members.c.entered_at, campaign.lead, chosen)
    if campaign.backfill.mode == "all":
        due_at = _later(due_at, context.deferred_for(active, BigInteger(), lambda _, of: to_micros(of.applied_at)))
    pause = campaign.reentry.after
    if pause is not None:
        due_at = _later(due_at, func.coalesce(had.c.due_at + pause // MICROSECOND, due_at))
    joined = _clients(context).join(inside, members.c.customer_id == customers.c.id)
    joined = joined.outerjoin(had, had.c.customer_id == customers.c.id)
    query = _shape(joined, members.c.occurrence, due_at, wave=_wave(context, active)).where(*chosen)
    return query.where(had.c.customer_id.is_(None)) if pause is None else query


def _by_value(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Clients with a value that they never had; what was noted up to now, by the plan itself."""
    wait = active.campaign.lead
    chosen = [
        values_seen.c.campaign == active.key,
        values_seen.c.baseline.is_(False),
        values_seen.c.at <= _begun(context, wait),
        values_seen.c.at >= _floor(context, active, wait),
    ]
    source, due_at = with_wait(context, values_seen, values_seen.c.at, wait, chosen)
    joined = _clients(context).join(source, values_seen.c.customer_id == customers.c.id)
    return _shape(joined, values_seen.c.value, due_at, wave=_wave(context, active)).where(*chosen)


def _by_product(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Every client of the audience, for every product that was launched."""
    wait = active.campaign.lead
    chosen = [products.c.launched_at > _floor(context, active, wait), products.c.launched_at <= _begun(context, wait)]
    source, due_at = with_wait(context, products, products.c.launched_at, wait, chosen)
    audience = context.holds("campaigns", active.campaign.name, "audience", product=products)
    wave = _wave(context, active, product=products)
    joined = _clients(context).join(source, true())
    return _shape(joined, products.c.sku, due_at, products.c.id, wave).where(*chosen, audience)


def _later(left: ColumnElement[Any], right: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((left >= right, left), else_=right)


def _micros(instant: ColumnElement[Any]) -> ColumnElement[int]:
    """An instant as the number it is kept as, for arithmetic."""
    return type_coerce(instant, BigInteger)


def _dates(context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
    """What `every` brings by a client's own date, zone by zone, up to now."""
    found: list[DueDay] = []
    for zone, after in _since(context, active):
        found += due_days(active.campaign, context.rulebook, (zone,), after, context.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at), d.ordinal, d.month, d.day) for d in found]


def _feasts(context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
    """What `every` brings by a calendar."""
    found: list[DueCalendarDay] = []
    for zone, after in _since(context, active):
        found += due_calendar_days(active.campaign, context.rulebook, (zone,), after, context.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at), d.country) for d in found]


def _since(context: PlanContext, active: ActiveCampaign) -> Iterator[tuple[str, datetime]]:
    """Each zone, and after when its dates count; the day on which a rule comes into force counts as a whole."""
    floor = max(active.floor(context.now, context.rulebook.policy), context.now - LOOK_BACK)
    for zone in context.zones:
        yield zone, since_midnight(floor, zone) if floor == active.since else floor


def _times(context: PlanContext, active: ActiveCampaign) -> list[tuple[Any, ...]]:
    """What `at` and `schedule` bring."""
    after = max(active.floor(context.now, context.rulebook.policy), context.now - LOOK_BACK)
    found = due_times(active.campaign, context.rulebook, context.zones, after, context.now)
    return [(d.zone, d.occurrence, to_micros(d.due_at)) for d in found]


Dates = Callable[[PlanContext, ActiveCampaign], list[tuple[Any, ...]]]
_DATES: dict[str, Dates] = {"every": _dates, "feast": _feasts, "at": _times, "schedule": _times}


def _by_date(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    every = active.campaign.every
    assert every is not None
    table = _falling_due(
        context, active, {**_TIMES, "ordinal": Integer(), "month": Integer(), "day": Integer()}, _dates
    )  # fmt: skip
    # The day of an instant is dear to work out, so it is done once for each client.
    worked_out = select(customers.c.id, _day_number(context, every.field).label("number")).select_from(
        _clients(context)
    )
    dated = worked_out.cte("dated", nesting=True).prefix_with("MATERIALIZED")
    number = dated.c.number
    joined = _clients(context).join(dated, dated.c.id == customers.c.id).join(table, table.c.zone == context.zone)
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
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(context, active)).where(
        *fits, context.holds("campaigns", active.campaign.name, "audience")
    )


def _by_feast(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    """Clients whose country keeps a day of the calendar, by their own clock."""
    campaign, book = active.campaign, context.rulebook
    assert campaign.every is not None
    table = _falling_due(context, active, {**_TIMES, "country": Text()}, _feasts)
    own = func.upper(func.trim(customers.c.country))
    countries = book.calendars[campaign.every.calendar or ""].countries
    kept = case((own.in_(countries), own), else_=literal(DEFAULT, Text))
    joined = _clients(context).join(table, and_(table.c.zone == context.zone, table.c.country == kept))
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(context, active)).where(
        context.holds("campaigns", campaign.name, "audience")
    )


def _falling_due(context: PlanContext, active: ActiveCampaign, types: dict[str, TypeEngine[Any]], dates: Dates) -> CTE:
    """The calendar's small table, kept in one place so that the database can index it while it joins."""
    text = context.deferred_for(active, Text(), lambda at, of: encoded(at.connection, types, dates(at, of)))
    given = select(rows_of(context.connection, "given", types, text))
    return given.cte("falling_due", nesting=True).prefix_with("MATERIALIZED")


def _day_number(context: PlanContext, field: str) -> ColumnElement[int]:
    """A customer's date as 20260131: a date as it stands, an instant by the client's calendar."""
    if field in context.rulebook.fields:
        return regulars_date(customers.c.attrs[field].as_string())
    found = (customers if field in customers.c else context.facts).c[field]
    if isinstance(found.type, Instant):
        return regulars_day(type_coerce(found, BigInteger), context.zone)
    return regulars_date(found)


def _by_time(context: PlanContext, active: ActiveCampaign) -> Select[Any]:
    table = _falling_due(context, active, _TIMES, _times)
    joined = _clients(context).join(table, table.c.zone == context.zone)
    return _shape(joined, table.c.occurrence, table.c.due_at, wave=_wave(context, active)).where(
        context.holds("campaigns", active.campaign.name, "audience")
    )
