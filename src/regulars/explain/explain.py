"""Why a client got, or did not get, an email: the ledger, and what a plan now would change.

Whether a client is due is not guessed: the real planner runs for this one client, in a transaction that
is rolled back. Conditions, consent and dates are then read to say why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from regulars.audience.clauses import Clause
from regulars.audience.person import Person, load_people
from regulars.context.active_campaign import ActiveCampaign
from regulars.context.plan_context import PlanContext, Ruleset, plan_context
from regulars.core.diagnostics import nearest
from regulars.core.errors import NotFound
from regulars.db import engine as db
from regulars.db.states import State
from regulars.eligibility.draw import is_held_out
from regulars.explain import queries
from regulars.explain.campaign_explanation import explain_campaign
from regulars.explain.client_facts import Fact, client_facts
from regulars.explain.drawn_variant import DrawnVariant, drawn_variant
from regulars.insights.attribution import RECEIVED
from regulars.insights.goals_reached import GoalReached, goals_of_client
from regulars.planner.plan import plan
from regulars.triggers.explained import CampaignExplanation, Decided, ExplainedClient, Row, Stay
from regulars.triggers.kinds import trigger_of


@dataclass(frozen=True, slots=True)
class View:
    """One campaign and one client.

    `ledger` has the stored promises; `plan` what a plan now would add or change. `due`: an email can be
    sent now. `due_from` is when it can become due without further events, None if unknown.
    `forbidden` is the missing consent or address that blocks every email of this campaign.
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
    variant: DrawnVariant | None = None
    """The variant of the campaign that the client gets; None without variants."""
    asked: frozenset[str] = frozenset()
    """The fields of the client in its conditions."""
    decisions: Sequence[Decided] = ()
    """What was decided in its sequence, and where the client waits."""
    followed: Sequence[GoalReached] = ()
    """The goals that followed its emails to the client's mailbox."""

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
            "decisions": [_decision(row) for row in self.decisions],
            "forbidden": self.forbidden,
            "holdout": self.holdout,
            "followed": [one.to_json() for one in self.followed],
            **({} if self.variant is None else {"variant": self.variant.to_json()}),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation of one client at `now`; times in sentences are in `zone`."""

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

    Raises NotFound for an unknown client or campaign.
    """
    names = rules.rulebook.campaigns
    if campaign is not None and campaign not in names:
        raise NotFound("campaign", campaign, nearest(campaign, names))
    with db.dry_run(engine) as connection:
        key = queries.find(connection, customer)
        before = queries.rows(connection, key)
        active_campaigns = plan(connection, rules, now, only=key).active_campaigns
        after = queries.rows(connection, key)
        person = load_people(connection, [key], now, rules.rulebook.company.timezone)[key]
        context = plan_context(connection, rules, now, key)
        stays, decided = queries.stays(connection, key), queries.decided(connection, key)
        chosen = [found for found in active_campaigns.values() if campaign in (None, found.campaign.name)]
        chosen.sort(key=lambda found: (-found.campaign.priority, found.campaign.name))
        views = [
            _view(
                context,
                found,
                person,
                _of(found, before),
                _of(found, after),
                stays.get(found.key),
                active_campaigns,
                [row for row in decided if row.campaign == found.key],
            )
            for found in chosen
        ]
        went = any(row.state in RECEIVED for row in before)
        followed = goals_of_client(connection, rules.rulebook, key, now) if went else []
        keys = {found.campaign.name: found.key for found in chosen}
        views = [replace(view, followed=[one for one in followed if one.key == keys[view.campaign]]) for view in views]
        zone = str(person.fields.get("timezone") or person.zone)
        return Explanation(str(person.fields["external_id"]), now, zone, client_facts(context, person, key), views)


def _of(active: ActiveCampaign, rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row.campaign == active.key]


def _view(
    context: PlanContext,
    active: ActiveCampaign,
    person: Person,
    before: Sequence[Row],
    after: Sequence[Row],
    stay: Stay | None,
    active_campaigns: Mapping[str, ActiveCampaign],
    decided: Sequence[Decided],
) -> View:
    assert context.only is not None
    clauses = _clauses(context, active, person)
    known = {row.id: row for row in before}
    changed = [row for row in after if row.id not in known or known[row.id].verdict != row.verdict]
    names = {key: one.campaign.name for key, one in active_campaigns.items()}
    case = ExplainedClient(context, active, person, context.only, before, after, changed, stay, clauses, names, decided)
    found: CampaignExplanation = explain_campaign(case)
    return View(
        active.campaign.name, found.sentence, any(row.state == State.PLANNED for row in after), found.due_from,
        before, changed, clauses, queries.missing_right(context, active, context.only),
        is_held_out(context.connection, active, context.only),
        drawn_variant(context.connection, active, context.only),
        _asked(context, active.campaign.name), decided,
    )  # fmt: skip


def _asked(context: PlanContext, campaign: str) -> frozenset[str]:
    conditions = [found for loc, found in context.rules.conditions.items() if loc[:2] == ("campaigns", campaign)]
    return frozenset(name for condition in conditions for name in condition.fields)


def _clauses(context: PlanContext, active: ActiveCampaign, person: Person) -> dict[str, Clause]:
    """The conditions that decide about the client, with the latest event or product if one triggers the campaign."""
    trigger = trigger_of(active.campaign)
    if not trigger.load_subject(context, person):
        return {}
    found = {}
    own = [active.campaign.trigger_key] if trigger.condition == "condition" else []
    for name in (*own, "audience"):
        condition = context.rules.conditions.get(("campaigns", active.campaign.name, name))
        if condition is not None:
            found[name] = condition.explain(person, context.now)
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


def _decision(row: Decided) -> dict[str, Any]:
    return {
        "step": row.step, "occurrence": row.occurrence, "since": _iso(row.began_at), "until": _iso(row.until_at),
        "branch": row.branch, "at": _iso(row.at), "cause": row.cause, "moved_to": row.moved_to,
    }  # fmt: skip


def _clause(clause: Clause) -> dict[str, Any]:
    value = clause.value
    if not isinstance(value, (str, float, bool, list, type(None))):
        value = value.isoformat()
    return {"text": clause.text, "value": value, "reading": clause.reading, "parts": [_clause(p) for p in clause.parts]}
