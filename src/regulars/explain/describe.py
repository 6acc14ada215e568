"""A campaign as one plain sentence. If a sentence is hard to write, the grammar of the rule file is wrong."""

from __future__ import annotations

from regulars.core.clock import words
from regulars.rules.condition_words import condition_in_words, quoted
from regulars.rules.grammar import Until
from regulars.rules.model import Campaign, Kind, Policy, Rulebook, Step
from regulars.rules.offer import VALID, Coupon
from regulars.triggers.kinds import trigger_of


def describe(campaign: Campaign, rulebook: Rulebook) -> str:
    """One sentence that says who gets what and when, and under which limits."""
    head = f"{trigger_of(campaign).occasion(rulebook)}{_audience(campaign)}, {_sending(campaign, rulebook)}"
    clauses = [head, *_limits(campaign), *_protection(campaign, rulebook.policy)]
    sentence = "; ".join(clauses) + "."
    if not campaign.enabled:
        return "Switched off: " + sentence[0].lower() + sentence[1:]
    return sentence


def _audience(campaign: Campaign) -> str:
    if campaign.audience is None:
        return ""
    said = condition_in_words(campaign.audience)
    return f", if the client {said}" if said else f", if {quoted(campaign.audience)}"


def _sending(campaign: Campaign, rulebook: Rulebook) -> str:
    whom = "their manager" if campaign.to == "manager" else "them"
    if campaign.sender == "manager":
        whom += " in the manager's name" if campaign.to == "manager" else " in their manager's name"
    steps = campaign.all_steps
    text = f"send {whom} " + (_waves(campaign) if campaign.waves else _first(campaign, steps[0]))
    for step in [] if campaign.waves else steps[1:]:
        if step.at is not None:
            text += f", and `{step.email}`{_only_if(step)}{_event_time(step)}"
            continue
        text += f", then {step.wait} later" if step.wait else ", then at once"
        text += f" `{step.email}`{_only_if(step)}{_event_time(step)}"
    text += ", with a copy to the manager" if campaign.cc else ""
    if campaign.offer:
        text += f", with {_coupon(campaign.offer.coupon, rulebook.company.currency)}"
    if campaign.until:
        done = _ending(campaign.until)
        text += f", until they {done}" if campaign.following else f", unless they {done} first"
    return text


def _waves(campaign: Campaign) -> str:
    """Which of the emails goes to whom, the first that fits."""
    found = []
    for wave in campaign.waves:
        said = condition_in_words(wave.to) if wave.to else None
        whom = "" if wave.to is None else f" if the client {said}" if said else f" if {quoted(wave.to)}"
        name = " in their manager's name" if wave.sender == "manager" and campaign.sender != "manager" else ""
        found.append(f"`{wave.email}`{name}{f' {wave.wait} later' if wave.wait else ' at once'}{whom}")
    return "one email, " + ", else ".join(found)


def _ending(until: Until) -> str:
    done = "buy" if until.event == "purchase" else f"have `{until.event}`"
    return done + (f" with the same {_list([f'`{name}`' for name in until.same])}" if until.same else "")


def _first(campaign: Campaign, step: Step) -> str:
    text = f"`{step.email}`{_only_if(step)}{_event_time(step)}"
    if step.wait:
        text += f" {step.wait} later"
    if campaign.send:
        text += f", {campaign.send} of that" if step.wait or step.at else f" {campaign.send}"
    return text


def _event_time(step: Step) -> str:
    """The time told from the event, and the file that goes along."""
    text = f" {step.at.words}the event's `{step.at.field}`" if step.at and step.at.offset else ""
    text = f" at the event's `{step.at.field}`" if step.at and not step.at.offset else text
    return text + (" with the calendar file" if step.attach else "")


def _only_if(step: Step) -> str:
    if step.condition is None:
        return ""
    said = condition_in_words(step.condition)
    return f" (only if the client {said})" if said else f" (only if {quoted(step.condition)})"


def _coupon(coupon: Coupon, currency: str) -> str:
    what = _benefit(coupon, currency)
    if coupon.shared is not None:
        what += f" by the code `{coupon.shared}` that all share"
    if coupon.pool is not None:
        what += f" by codes of the pool `{coupon.pool}`"
    valid = f"valid until {coupon.until}" if coupon.until else f"valid {words(coupon.valid or VALID)}"
    valid += f", not before {coupon.starts}" if coupon.starts else ""
    uses = {1: "one use", 2: "two uses"}.get(coupon.uses, f"{coupon.uses} uses")
    limits = [f"{coupon.stock:,} in all"] if coupon.stock is not None else []
    limits += [f"{coupon.per_client} for each client"] if coupon.per_client is not None else []
    return f"{what} ({', '.join((valid, uses, *limits))})"


def _benefit(coupon: Coupon, currency: str) -> str:
    if coupon.percent is not None:
        return f"a coupon of {coupon.percent} %"
    if coupon.amount is not None:
        return f"a coupon of {coupon.amount} {currency}"
    return f"a coupon for {coupon.gift}" if coupon.gift is not None else f"a coupon for {coupon.service}, free"


def _limits(campaign: Campaign) -> list[str]:
    clauses = []
    after = campaign.reentry.after
    if after is None:
        clauses.append("once only")
    elif after:
        clauses.append(f"at most once in {words(after)}")
    elif trigger_of(campaign).defers_reentry:
        clauses.append("each time it becomes true anew")
    if campaign.holdout:
        clauses.append(f"{campaign.holdout / 100:g} % are held out")
    if campaign.goal:
        done = "a purchase" if campaign.goal.event == "purchase" else f"`{campaign.goal.event}`"
        clauses.append(f"the goal is {done} within {words(campaign.goal.within)}")
    clauses.append(trigger_of(campaign).backfill_words())
    return [clause for clause in clauses if clause]


def _protection(campaign: Campaign, policy: Policy) -> list[str]:
    clauses = []
    if campaign.kind is Kind.TRANSACTIONAL:
        exempt = "consent and cap" if campaign.heeds_quiet_hours else "consent, cap and quiet hours"
        clauses.append(f"a service, so {exempt} do not hold it back")
    elif policy.quiet_hours and not campaign.heeds_quiet_hours:
        clauses.append("quiet hours do not hold it back")
    if campaign.send is None and campaign.late is not None and campaign.late != policy.late:
        clauses.append(f"dropped if it cannot go within {words(campaign.late)}" if campaign.late else "never late")
    return clauses


def _list(items: list[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]
