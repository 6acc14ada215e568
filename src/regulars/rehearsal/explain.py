"""Why a client got, or did not get, an email: what the ledger says, and what a plan now would make of it.

Whether somebody is due is not guessed: the planner itself is run for this one client, in a transaction that
is undone. Conditions, rights and dates are then read out to say why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from regulars.audience import Clause, Person, load_people
from regulars.clearance import Ground, Live, Ruleset, ground
from regulars.core import ids
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.ledger import State
from regulars.planner import plan
from regulars.rehearsal import dossier
from regulars.rehearsal.about import Fact, facts
from regulars.rehearsal.dossier import Row, Stay
from regulars.rehearsal.outlook import Case, Outlook, outlook
from regulars.store import engine as store


@dataclass(frozen=True, slots=True)
class View:
    """One campaign and one client.

    `ledger` is what the ledger says; `plan` what a plan now would add or change. `due` says that an email may
    go now. `due_from` is when it may become due if nothing else happens, None where that is not known.
    `forbidden` is the right or lack of an address that keeps every email of this campaign back.
    """

    campaign: str
    sentence: str
    due: bool
    due_from: datetime | None
    ledger: Sequence[Row]
    plan: Sequence[Row]
    clauses: Mapping[str, Clause]
    forbidden: str | None
    holdout: bool
    asked: frozenset[str] = frozenset()
    """The fields of the client that its conditions ask about."""

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "campaign": self.campaign,
            "sentence": self.sentence,
            "due": self.due,
            "due_from": _iso(self.due_from),
            "ledger": [_row(row) for row in self.ledger],
            "plan": [_row(row) for row in self.plan],
            "conditions": {name: _clause(clause) for name, clause in self.clauses.items()},
            "forbidden": self.forbidden,
            "holdout": self.holdout,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is to be said of one client at `now`; `zone` is the clock of the sentences."""

    customer: str
    now: datetime
    zone: str
    facts: Sequence[Fact]
    campaigns: Sequence[View]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "customer": self.customer,
            "now": self.now.isoformat(),
            "facts": {fact.name: fact.to_json() for fact in self.facts},
            "campaigns": [view.to_json() for view in self.campaigns],
        }


def explain(
    engine: Engine, rules: Ruleset, customer: str, campaign: str | None, now: datetime
) -> Explanation:  # fmt: skip
    """Explains the client (external id or address) for one campaign or all; leaves no trace.

    Raises NotFound for a client or a campaign that is not there.
    """
    names = rules.rulebook.campaigns
    if campaign is not None and campaign not in names:
        raise NotFound("campaign", campaign, nearest(campaign, names))
    with store.rehearse(engine) as connection:
        key = dossier.find(connection, customer)
        before = dossier.rows(connection, key)
        lives = plan(connection, rules, now, only=key).lives
        after = dossier.rows(connection, key)
        person = load_people(connection, [key], now, rules.rulebook.company.timezone)[key]
        where = ground(connection, rules, now, key)
        stays = dossier.stays(connection, key)
        chosen = [found for found in lives.values() if campaign in (None, found.campaign.name)]
        chosen.sort(key=lambda found: (-found.campaign.priority, found.campaign.name))
        views = [
            _view(where, found, person, _of(found, before), _of(found, after), stays.get(found.key), lives)
            for found in chosen
        ]
        zone = str(person.fields.get("timezone") or person.zone)
        return Explanation(str(person.fields["external_id"]), now, zone, facts(where, person, key), views)


def _of(live: Live, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.campaign == live.key]


def _view(
    where: Ground, live: Live, person: Person, before: Sequence[Row], after: Sequence[Row], stay: Stay | None,
    lives: Mapping[str, Live],
) -> View:  # fmt: skip
    assert where.only is not None
    clauses = _clauses(where, live, person)
    bucket = dossier.bucket(where.connection, where.only)
    known = {row.id: row for row in before}
    changed = [row for row in after if row.id not in known or known[row.id].verdict != row.verdict]
    names = {key: one.campaign.name for key, one in lives.items()}
    case = Case(where, live, person, before, after, changed, stay, clauses, names)
    found: Outlook = outlook(case)
    return View(
        live.campaign.name, found.sentence, any(row.state == State.PLANNED for row in after), found.due_from,
        before, changed, clauses, dossier.forbidden(where, live, where.only),
        ids.share(bucket, live.key) < live.campaign.holdout,
        _asked(where, live.campaign.name),
    )  # fmt: skip


def _asked(where: Ground, campaign: str) -> frozenset[str]:
    conditions = [found for loc, found in where.rules.conditions.items() if loc[:2] == ("campaigns", campaign)]
    return frozenset(name for condition in conditions for name in condition.fields)


def _clauses(where: Ground, live: Live, person: Person) -> dict[str, Clause]:
    """The conditions that decide about the client, of the latest event where one sets the campaign off."""
    campaign = live.campaign
    if campaign.on is not None:
        assert where.only is not None
        latest = dossier.happened(where.connection, campaign.on, where.only, where.now)
        person.event = {**latest[0].data, "at": latest[0].at} if latest else None
        if not latest:
            return {}
    if campaign.new is not None:
        person.product = dossier.launched(where.connection, where.now)
        if person.product is None:
            return {}
    found = {}
    for name in ("when", "audience"):
        condition = where.rules.conditions.get(("campaigns", campaign.name, name))
        if condition is not None:
            found[name] = condition.explain(person, where.now)
    return found


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _row(row: Row) -> dict[str, Any]:
    return {
        "step": row.step, "occurrence": row.occurrence, "state": row.state, "reason": row.reason,
        "detail": row.detail, "due_at": _iso(row.due_at), "settled_at": _iso(row.settled_at),
        "next_at": _iso(row.next_at) if row.state == State.HELD else None,
        "code": row.code, "message_id": row.message_id,
    }  # fmt: skip


def _clause(clause: Clause) -> dict[str, Any]:
    value = clause.value
    if not isinstance(value, (str, float, bool, list, type(None))):
        value = value.isoformat()
    return {"text": clause.text, "value": value, "reading": clause.reading, "parts": [_clause(p) for p in clause.parts]}
