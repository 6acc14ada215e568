"""The clients whom a plan has to ask: to whom something happened since the last one, and who turned by time alone.

Nobody else can have become due, entered or left a state, or got a new value (decision 27). What is written about a
client is in `touched_clients` (`db.touched`); what turns by time is said by `audience.turns` for conditions and by
`Trigger.newly_due` for waits and calendars.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    Table,
    delete,
    insert,
    literal,
    select,
    text,
    union_all,
)
from sqlalchemy.schema import CreateTable

from regulars.audience.evaluate import local_day
from regulars.audience.expression import Expression
from regulars.audience.turned_clients import turned_clients
from regulars.audience.turns import Span, Turns
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset
from regulars.db.rowset import ids
from regulars.db.tables import events, purchases, touched_clients
from regulars.db.types import Key
from regulars.rules.model import Campaign
from regulars.triggers.kinds import trigger_of

_MOST = 50_000
"""Touched clients above whom everybody is asked: a bulk import, after which a full plan is cheaper."""
_TAKEN = text(
    "WITH taken AS (DELETE FROM touched_clients RETURNING customer_id)"
    " SELECT DISTINCT customer_id FROM taken LIMIT :most"
).bindparams(most=_MOST + 1)
_ENTRY = ("audience", "waves")
"""Beside the trigger's own: the keys of a campaign whose conditions say who enters it."""
_FEW = 2_000
"""Clients; so many are looked up one by one, whatever PostgreSQL thinks."""
_WITHOUT = ("enable_seqscan", "enable_mergejoin", "enable_hashjoin", "jit")
_TERMS = 400
"""Parts of one compound SELECT; SQLite allows 500."""
_AFFECTED = Table(
    "affected_clients",
    MetaData(),
    Column("customer_id", Key, primary_key=True, autoincrement=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


@dataclass(frozen=True, slots=True)
class Affected:
    """By key: the campaigns for which everybody is asked, and those for which only the clients of `context` are."""

    context: PlanContext
    everybody: frozenset[str]
    some: frozenset[str]
    clients: int


def take_touched(connection: Connection) -> set[int] | None:
    """Empties the queue, before the plan reads data; the clients in it, None for everybody.

    What is committed later is there for the next plan; a plan that is undone gives its rows back.
    """
    if connection.dialect.name == "postgresql":
        found = connection.scalars(_TAKEN).all()
    else:  # nobody else writes meanwhile
        found = connection.scalars(select(touched_clients.c.customer_id).distinct().limit(_MOST + 1)).all()
        connection.execute(delete(touched_clients))
    return None if len(found) > _MOST or None in found else {int(key) for key in found}


def affected(
    context: PlanContext, active_campaigns: Mapping[str, ActiveCampaign], after: datetime, touched: Collection[int]
) -> Affected:
    """Whom to ask for each campaign, when the last plan was at `after` and these clients were touched since."""
    everybody: set[str] = set()
    parts: dict[str, list[int]] = {}
    asked = _Asked(context, after)
    for key, active in active_campaigns.items():
        found = asked.of(active) if active.planned_at == after else None
        if found is None:
            everybody.add(key)
        else:
            parts[key] = found
    happened, turned = asked.clients()
    clients = {*touched, *happened, *(client for found in turned.values() for client in found)}
    # What happened to a client can concern every campaign; what turned, only those that ask for it.
    concerned = [key for key in parts if touched or happened or any(number in turned for number in parts[key])]
    narrowed = _narrowed(context, clients) if clients else context
    return Affected(narrowed, frozenset(everybody), frozenset(concerned), len(clients))


def conditions_of(rules: Ruleset, campaign: Campaign) -> Iterator[Expression]:
    """What decides who enters a campaign: its trigger's condition or value, its audience, its waves."""
    for place, condition in rules.conditions.items():
        if place[:2] == ("campaigns", campaign.name) and place[2] in (campaign.trigger_key, *_ENTRY):
            yield condition


def turns_of(rules: Ruleset, campaign: Campaign) -> Turns:
    """When these can turn by time alone."""
    whole = Turns()
    for condition in conditions_of(rules, campaign):
        whole |= condition.turns
    return whole


def asked_daily(rules: Ruleset) -> Iterator[tuple[str, str, str]]:
    """The parts of conditions without a bound in time: (campaign, key, the part as written).

    For these everybody is asked once per local day.
    """
    for campaign in rules.rulebook.campaigns.values():
        for place, condition in rules.conditions.items():
            if place[:2] == ("campaigns", campaign.name) and place[2] in (campaign.trigger_key, *_ENTRY):
                for node in dict.fromkeys(condition.turns.flows):
                    key = ".".join(str(part) for part in place[2:])
                    yield campaign.name, key, condition.text[node.start : node.end]


class _Asked:
    """Collects the SELECTs of clients who turned: each once, whichever campaigns need it."""

    def __init__(self, context: PlanContext, after: datetime) -> None:
        self._context, self._after = context, after
        self._queries: list[Select[Any]] = []
        self._numbers: dict[Span, int] = {}
        zones, zone = context.zones, context.rulebook.company.timezone
        self._midnight = any(local_day(after, name, zone) != local_day(context.now, name, zone) for name in zones)

    def of(self, active: ActiveCampaign) -> list[int] | None:
        """The numbers of the campaign's SELECTs; None where everybody is asked."""
        by_time = turns_of(self._context.rules, active.campaign)
        newly_due = trigger_of(active.campaign).newly_due(self._context, active, self._after)
        if newly_due is None or (by_time.daily and self._midnight):
            return None
        numbers = [self._add(query) for query in newly_due]
        for span in by_time.spans:
            if span not in self._numbers:
                query = turned_clients(span, self._context.known, self._after, self._context.now)
                if query is None:
                    return None
                self._numbers[span] = self._add(query)
            numbers.append(self._numbers[span])
        return numbers

    def clients(self) -> tuple[set[int], dict[int, set[int]]]:
        """Those with rows that were in the future at the last plan, and by number those who turned."""
        until = self._context.now
        dated = [
            select(table.c.customer_id).where(table.c.occurred_at > self._after, table.c.occurred_at <= until)
            for table in (purchases, events)
        ]
        numbered = [*((-1, query) for query in dated), *enumerate(self._queries)]
        happened: set[int] = set()
        turned: dict[int, set[int]] = {}
        for start in range(0, len(numbered), _TERMS):
            chunk = [query.add_columns(literal(number)) for number, query in numbered[start : start + _TERMS]]
            for client, number in self._context.connection.execute(union_all(*chunk)):
                (happened if number < 0 else turned.setdefault(number, set())).add(client)
        return happened, turned

    def _add(self, query: Select[Any]) -> int:
        self._queries.append(query)
        return len(self._queries) - 1


@contextmanager
def looked_up(connection: Connection, asked: Affected | None) -> Iterator[None]:
    """Statements in the block look the clients asked up by index, also where PostgreSQL would rather read all.

    It reckons with a disk; at one client in a hundred reading everybody takes ten times as long. Compiling a statement
    to machine code, to which the costs of a plan so forced would lead, takes longer than running it.
    """
    few = asked is not None and not asked.everybody and asked.clients <= _FEW
    forced = few and connection.dialect.name == "postgresql"
    if forced:
        connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} = off" for setting in _WITHOUT))
    yield
    if forced:
        connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} TO DEFAULT" for setting in _WITHOUT))


def _narrowed(context: PlanContext, clients: Iterable[int]) -> PlanContext:
    """The context of these clients alone."""
    connection = context.connection
    connection.execute(CreateTable(_AFFECTED, if_not_exists=True))
    connection.execute(delete(_AFFECTED))
    rows = ids(connection, sorted(clients))
    connection.execute(insert(_AFFECTED).from_select(["customer_id"], rows))
    connection.execute(text(f"ANALYZE {_AFFECTED.name}"))
    return replace(context, among=_AFFECTED)
