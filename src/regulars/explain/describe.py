"""A campaign in plain sentences, without code. A sentence that is hard to write shows a fault of the grammar."""

from __future__ import annotations

from regulars.audience.condition_phrases import condition_phrase
from regulars.audience.field_labels import (
    event_field_label,
    event_label,
    joined_words,
    number_words,
    quoted,
)
from regulars.context.plan_context import Ruleset
from regulars.core.clock import words
from regulars.explain.goal_phrases import goal_sentence
from regulars.explain.offer_phrases import coupon_phrase
from regulars.explain.sequence_phrases import sequence_phrase
from regulars.explain.stopping_phrases import stopping_sentences
from regulars.explain.variant_phrases import variant_sentences
from regulars.rules.grammar import Holdout, Until
from regulars.rules.model import Campaign, Kind, Loc, Policy, Step
from regulars.rules.send_windows import week_words
from regulars.triggers.kinds import trigger_of


def describe(campaign: Campaign, rules: Ruleset) -> str:
    """Who gets what and when, and with which limits; the rules contain the campaign's compiled conditions."""
    occasion = trigger_of(campaign).occasion(rules)
    head = f"{occasion}{_audience(campaign, rules)}, {_sending(campaign, rules)}"
    sentences = [head, *_limits(campaign, rules), *_protection(campaign, rules.rulebook.policy)]
    sentences += stopping_sentences(campaign, rules.rulebook.policy)
    text = " ".join(f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences)
    return text if campaign.enabled else f"Switched off: {text[0].lower()}{text[1:]}"


def describe_segment(name: str, rules: Ruleset) -> str:
    """Who is in the segment."""
    phrase = condition_phrase(rules.conditions["segments", name].node)
    return f"Clients of whom this is true: {phrase}."


def _if(rules: Ruleset, *loc: str | int) -> str:
    """The condition at this location with "if"; empty without one."""
    place: Loc = loc
    condition = rules.conditions.get(place)
    return "" if condition is None else f"if {condition_phrase(condition.node)}"


def _audience(campaign: Campaign, rules: Ruleset) -> str:
    condition = _if(rules, "campaigns", campaign.name, "audience")
    return f", {condition}" if condition else ""


def _sending(campaign: Campaign, rules: Ruleset) -> str:
    whom = "their manager" if campaign.to == "manager" else "them"
    if campaign.sender == "manager":
        whom += " in the manager's name" if campaign.to == "manager" else " in their manager's name"
    if campaign.route.decisions:
        emails = sequence_phrase(campaign, rules)
    else:
        emails = _waves(campaign, rules) if campaign.waves else _steps(campaign, rules)
    text = f"send {whom} {emails}"
    text += ", with a copy to the manager" if campaign.cc else ""
    if campaign.offer:
        text += f", with {coupon_phrase(campaign.offer.coupon, rules.rulebook.company.currency)}"
    if campaign.until:
        done = _ending(campaign.until)
        text += (
            f", until they {done}" if campaign.following or campaign.route.decisions else f", unless they {done} first"
        )
    return text


def _steps(campaign: Campaign, rules: Ruleset) -> str:
    first, *following = campaign.all_steps
    text = _first(campaign, first, _only_if(campaign, first, rules))
    for step in following:
        only = _only_if(campaign, step, rules)
        if step.at is not None:
            text += f", and {quoted(step.email)}{_event_time(step)}{only}"
        else:
            text += f", then {f'{step.wait} later' if step.wait else 'at once'} {quoted(step.email)}"
            text += f"{_event_time(step)}{only}"
    return text


def _waves(campaign: Campaign, rules: Ruleset) -> str:
    """Which email goes to whom, the first match."""
    found = []
    for index, wave in enumerate(campaign.waves):
        condition = _if(rules, "campaigns", campaign.name, "waves", index, "to")
        name = " in their manager's name" if wave.sender == "manager" and campaign.sender != "manager" else ""
        when = f"{wave.wait} later" if wave.wait else "at once"
        found.append(f"{quoted(wave.email)}{name} {when}{f' {condition}' if condition else ''}")
    return f"one email: {'; else '.join(found)}"


def _ending(until: Until) -> str:
    done = "buy" if until.event == "purchase" else f"have {event_label(until.event)}"
    return done + (
        f" with the same {joined_words([event_field_label(each) for each in until.same])}" if until.same else ""
    )


def _first(campaign: Campaign, step: Step, only: str) -> str:
    text = f"{quoted(step.email)}{_event_time(step)}"
    if step.wait:
        text += f" {step.wait} later"
    if campaign.send:
        text += f", {campaign.send} of that" if step.wait or step.at else f" {campaign.send}"
    return text + only


def _event_time(step: Step) -> str:
    """The time relative to the event, and the attachment."""
    text = ""
    if step.at:
        text = f" {step.at.words or 'at '}the event's {event_field_label(step.at.field)}"
    return text + (" with the calendar file" if step.attach else "")


def _only_if(campaign: Campaign, step: Step, rules: Ruleset) -> str:
    condition = _if(rules, "campaigns", campaign.name, *campaign.place_of(step.key), "if")
    return f" (only {condition})" if condition else ""


def _limits(campaign: Campaign, rules: Ruleset) -> list[str]:
    found = []
    after = campaign.reentry.after
    if after is None:
        found.append("each client gets it once only")
    elif after:
        found.append(f"each client gets it at most once in {words(after)}")
    elif trigger_of(campaign).defers_reentry:
        found.append("they get it again each time this becomes true anew")
    if campaign.holdout:
        found.append(_holdout(campaign.holdout))
    found += variant_sentences(campaign, rules.rulebook.company.currency)
    found.append(goal_sentence(campaign, rules))
    found.append(trigger_of(campaign).backfill_words())
    return [sentence for sentence in found if sentence]


def _holdout(holdout: Holdout) -> str:
    share_words = f"{number_words(holdout.share / 100)} % get nothing, to compare with"
    return (
        share_words if holdout.read_at is None else f"{share_words}; the effect is read at {holdout.read_at:,} clients"
    )


def _protection(campaign: Campaign, policy: Policy) -> list[str]:
    found = []
    if campaign.kind is Kind.TRANSACTIONAL:
        hours = "" if campaign.obeys_quiet_hours else " and windows" if policy.windows else " and quiet hours"
        exempt = f"consent, cap{hours}" if hours else "consent and cap"
        found.append(f"it is a service, so {exempt} do not hold it back")
    elif policy.holdout is not None and campaign.to == "customer":
        found.append(f"{number_words(policy.holdout.share / 100)} % of all mailboxes get no marketing at all")
    obeys = campaign.obeys_quiet_hours
    if campaign.kind is not Kind.TRANSACTIONAL and not obeys and (policy.quiet_hours or policy.windows):
        found.append(
            f"{'neither quiet hours nor windows hold' if policy.windows else 'quiet hours do not hold'} it back"
        )
    if policy.windows and obeys:
        found.append(f"it goes only on {week_words(policy.windows)}, by their own clock")
    if campaign.send is None and campaign.late is not None and campaign.late != policy.late:
        dropped = f"it is dropped if it cannot go within {words(campaign.late)}"
        found.append(dropped if campaign.late else "it is never too late for it")
    return found
