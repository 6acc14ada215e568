"""The facts of a client, each with a sentence that explains it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from regulars.audience.clause_words import day, when
from regulars.audience.evaluate import known_fields
from regulars.audience.person import Person
from regulars.consent.preferences import TRACKING
from regulars.context.plan_context import PlanContext
from regulars.core.calendar import zone as tz
from regulars.explain import queries
from regulars.explain.fact_explanations import FactExplanations
from regulars.ledger.arms import global_arm
from regulars.ledger.assignments import Arm
from regulars.profile import evidence
from regulars.responses.click_grading import Grade


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its name, its value (None: not known), and the sentence that says why it is so."""

    name: str
    value: Any
    why: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready data."""
        value = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        return {"value": value, "why": self.why}


def client_facts(context: PlanContext, person: Person, customer_id: int) -> list[Fact]:
    """The facts about the client at the context's instant; no name comes twice."""
    zone = str(person.fields.get("timezone") or person.zone)
    stands_on = evidence.of(context.connection, customer_id, context.now)
    values = known_fields(person, context.now)
    explanations = FactExplanations(
        person.fields, values, stands_on, context.now, zone, context.rulebook.company.currency
    )
    return [
        *(Fact(*found) for found in explanations.all()),
        *_rights(context, customer_id, zone),
        *_came_back(context, customer_id, zone),
        *_clicks(context, customer_id, zone),
        *_protected(context, customer_id, zone),
        _clock(context, zone),
    ]


def _rights(context: PlanContext, customer_id: int, zone: str) -> Iterator[Fact]:
    words = queries.consent(context.connection, customer_id)
    for word in words:
        if word.topic == TRACKING:
            yield Fact("tracking", word.granted, _said_of_tracking(word.granted, day(word.at, zone)))
            continue
        verb = "Agreed to" if word.granted else "Does not want"
        sentence = f"{verb} `{word.topic}` emails: said so on {day(word.at, zone)} ({word.source})."
        yield Fact(f"consent.{word.topic}", word.granted, sentence)
    if not words:
        mode = context.rulebook.policy.consent
        end = "so none is sent" if mode == "opt-in" else "which does not forbid them"
        yield Fact("consent", None, f"Said nothing about marketing emails, {end} (`consent: {mode}`).")
    suppressed = queries.suppression(context.connection, customer_id)
    if suppressed is not None:
        scope, reason, at = suppressed
        yield Fact(
            "suppressed", scope, f"The address is suppressed for {scope} emails since {day(at, zone)}: {reason}."
        )


def _came_back(context: PlanContext, customer_id: int, zone: str) -> Iterator[Fact]:
    found = queries.came_back(context.connection, customer_id, context.now)
    if found:
        kinds = Counter(one.kind for one in found)
        counted = ", ".join(f"{number} {kind.replace('-', ' ')}" for kind, number in sorted(kinds.items()))
        last = found[0]
        words = f": {last.words}" if last.words else ""
        yield Fact("came_back", len(found), f"{counted}; the last `{last.campaign}` on {day(last.at, zone)}{words}.")


def _said_of_tracking(allowed: bool, on: str) -> str:
    if allowed:
        return f"Agreed on {on} that clicks may be counted."
    return f"Objected on {on} to being measured: links lead straight on, and nothing is noted."


def _clicks(context: PlanContext, customer_id: int, zone: str) -> Iterator[Fact]:
    found = queries.clicks(context.connection, customer_id, context.now)
    emails = {one.promise for one in found if one.grade != Grade.MACHINE}
    if not found:
        return
    machines = len({one.promise for one in found}) - len(emails)
    also = f"; of {machines} more only machines followed links" if machines else ""
    last = next((one for one in found if one.grade != Grade.MACHINE), None)
    if last is None:
        yield Fact("clicks", 0, f"Has followed no link{also}.")
        return
    leading_to = f" to {last.link}" if last.link else ""
    times = "1 email" if len(emails) == 1 else f"{len(emails)} emails"
    yield Fact("clicks", len(emails), f"Followed links of {times}, last on {day(last.at, zone)}{leading_to}{also}.")


def _protected(context: PlanContext, customer_id: int, zone: str) -> Iterator[Fact]:
    policy = context.rulebook.policy
    if policy.holdout is not None:
        arm, at = global_arm(context.connection, policy.holdout.share, customer_id)
        held, share = arm == Arm.CONTROL, f"{policy.holdout.share / 100:g} %"
        group = f"{'among' if held else 'not among'} the {share} of mailboxes that get no marketing at all"
        drawn = f"Drawn on {day(at, zone)}: {group}." if at else f"Will be drawn at the first email: {group}."
        yield Fact("holdout", held, drawn)
    if policy.cap is not None:
        used = queries.cap_use(context.connection, customer_id, policy.cap, context.now)
        yield Fact("cap", used, f"{used} places are used under the frequency cap of {policy.cap}.")
    times = policy.send_times
    if times is not None and (opens := times.opens_at(context.now, zone)) > context.now:
        outside = times.window_opens_at(context.now, zone) > context.now
        why = "It is outside the hours for emails" if outside else "It is night for them"
        name = "windows" if outside else "quiet_hours"
        yield Fact(name, opens, f"{why}: marketing emails wait until {when(opens, zone)}.")


def _clock(context: PlanContext, zone: str) -> Fact:
    return Fact("timezone", zone, f"Their clock ({zone}) shows {context.now.astimezone(tz(zone)):%Y-%m-%d %H:%M}.")
