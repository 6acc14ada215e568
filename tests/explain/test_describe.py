"""Each campaign in plain sentences, word for word, and none of the code of its rule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from regulars.core.diagnostics import render
from regulars.explain.describe import describe
from regulars.rules.loader import load
from regulars.workspace.starter import kinds, make
from tests.common.rules import Rules, of_loaded
from tests.rules.folders import read

CODE = re.compile(r"customer\.|event\.|product\.|\w\(|==|!=|[<>`\[\]{}_]|'(?!s\b)|\bnone\b(?! of)|  ")

SENTENCES = {
    """
    new: product
    audience: product.category == 'saws'
    waves:
      - {to: customer.purchases > 0, email: x}
      - {to: customer.motivation == 'novelty', wait: 2 working days, from: manager, email: y}
      - {wait: 3 days, email: z}
    """: "When a product is launched, if the product's category is “saws”, send them one email: “x” at once if the"
    " client has bought at least once; else “y” in their manager's name 2 working days later if the client's"
    " main motivation is “novelty”; else “z” 3 days later. What happened before the rule is left alone.",
    """
    each: customer.level
    email: x
    """: "Each time a client's level of points takes a value that they never had, send them “x”. Those already past"
    " it are left alone.",
    """
    on: meeting.completed
    to: manager
    until: meeting.completed with same place
    steps: [{wait: 4 working hours, email: x}, {wait: 2 working days, email: y}]
    kind: transactional
    """: "When a client has “meeting completed”, send their manager “x” 4 working hours later, then 2 working days"
    " later “y”, until they have “meeting completed” with the same place. What happened before the rule is left"
    " alone. It is a service, so consent, cap and quiet hours do not hold it back.",
    """
    when: customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90
    audience: customer.purchases >= 1
    again: after 365 days
    offer: {coupon: {percent: 50, valid: 14 days, uses: 1, prefix: BACK}}
    steps: [{email: win-back}, {wait: 10 days, email: win-back-last-day}]
    until: purchase
    goal: purchase within 14 days
    holdout: 10%
    """: "As soon as a client has stayed away at least 2 times as long as usual or last bought more than 90 days ago,"
    " if the client has bought at least once, send them “win-back”, then 10 days later “win-back-last-day”, with"
    " a coupon of 50 % (valid 14 days, one use), until they buy. Each client gets it at most once in 365 days."
    " 10 % get nothing, to compare with. The goal is a purchase within 14 days. Those already past it are left"
    " alone.",
    """
    when: customer.overdue >= 2 and (customer.locale == 'ro' or customer.spent > 100)
    email: x
    """: "As soon as a client has stayed away at least 2 times as long as usual, and either the client's language is"
    " “ro” or the client has spent more than 100, send them “x”. Each client gets it once only. Those already"
    " past it are left alone.",
    """
    on: meeting.completed
    kind: transactional
    from: manager
    cc: manager
    send: within 2 hours
    email: x
    """: "When a client has “meeting completed”, send them in their manager's name “x” within 2 hours, with a copy to"
    " the manager. What happened before the rule is left alone. It is a service, so consent, cap and quiet hours"
    " do not hold it back.",
    """
    on: meeting.completed
    to: manager
    steps: [{email: x, wait: 2 days, if: "not did('purchase', within='2 days')"}]
    until: purchase
    late: 1 day
    quiet_hours: keep
    """: "When a client has “meeting completed”, send their manager “x” 2 days later (only if the client has bought"
    " nothing in the last 2 days), unless they buy first. What happened before the rule is left alone. It is"
    " dropped if it cannot go within 1 day.",
    """
    on: purchase
    audience: customer.purchases == 1
    email: x
    enabled: no
    """: "Switched off: when a client buys, if the client has bought exactly once, send them “x”. What happened"
    " before the rule is left alone.",
    """
    every: year since customer.birthday, 3 days before
    email: x
    offer: {coupon: {gift: a free blow-dry, valid: 30 days, uses: 2}}
    quiet_hours: ignore
    """: "Every year, 3 days before the day of a client's birthday at 10:00 by their clock (29 February is kept on 28"
    " February in other years), send them “x”, with a coupon for a free blow-dry (valid 30 days, two uses)."
    " Quiet hours do not hold it back.",
    """
    every: 3 months since customer.first_purchase_at
    email: x
    offer: {coupon: {amount: 10.50}}
    """: "Every 3 months, on the day of a client's first purchase at 10:00 by their clock, send them “x”, with a"
    " coupon of 10.50 EUR (valid 14 days, one use).",
    """
    on: purchase
    email: x
    offer: {coupon: {service: a brow shaping, pool: tills, from: 2026-06-01, until: 2026-06-30, stock: 5000}}
    """: "When a client buys, send them “x”, with a coupon for a brow shaping free of charge by codes of the pool"
    " “tills” (valid until 30 June 2026, not before 1 June 2026, one use, 5,000 in all). What happened before"
    " the rule is left alone.",
    """
    on: purchase
    email: x
    offer: {coupon: {percent: 20, shared: SUMMER26, valid: 1 month, per_client: 2}}
    """: "When a client buys, send them “x”, with a coupon of 20 % by the code “SUMMER26” that all share (valid 30"
    " days, one use, 2 for each client). What happened before the rule is left alone.",
    """
    at: [2026-12-24 09:00, 2026-12-31 09:00]
    audience: customer.country == 'EE'
    email: x
    """: "On 24 December 2026 at 09:00 and 31 December 2026 at 09:00 by each client's clock, if the client's country"
    " is “EE”, send them “x”.",
    """
    schedule: monthly on first monday at 10:00
    email: x
    holdout: 2.5%
    goal: meeting.completed within 7 days
    """: "Monthly on first monday at 10:00 by each client's clock, send them “x”. 2.5 % get nothing, to compare with."
    " The goal is a “meeting completed” within 1 week.",
    """
    at: 2026-12-24 09:00
    email: x
    goal:
      - {event: purchase, within: 14 days, value: discount, if: event.amount > 30}
      - purchase within 30 days
    """: "On 24 December 2026 at 09:00 by each client's clock, send them “x”. The goals are a purchase within 14 days"
    " if the amount of the purchase is above 30 (the discount is added up) and a purchase within 30 days.",
    """
    when: customer.purchases >= 3
    again: always
    backfill: since 2026-01-31
    email: x
    """: "As soon as a client has bought at least 3 times, send them “x”. They get it again each time this becomes"
    " true anew. Those past it since 31 January 2026 are included, those past it before are left alone.",
    """
    when: customer.purchases > 0
    backfill: all
    kind: transactional
    quiet_hours: keep
    email: x
    """: "As soon as a client has bought at least once, send them “x”. Each client gets it once only. Those already"
    " past it are included. It is a service, so consent and cap do not hold it back.",
}


def _rules(tmp_path: Path, text: str) -> Rules:
    loaded = read(tmp_path, text)
    assert loaded.rulebook is not None, render(loaded.diagnostics, loaded.sources)
    return of_loaded(loaded)


@pytest.mark.parametrize(("rule", "sentences"), SENTENCES.items(), ids=[str(n) for n in range(len(SENTENCES))])
def test_a_campaign_in_plain_sentences(rule: str, sentences: str, tmp_path: Path) -> None:
    rules = _rules(tmp_path, f"campaigns:\n  x:{rule}")
    assert describe(rules.rulebook.campaigns["x"], rules) == sentences
    assert not CODE.search(sentences)


def test_a_day_of_the_calendar_in_one_sentence(tmp_path: Path) -> None:
    calendar = "calendars:\n  women-day: {default: 8 march, EE: none, PL: 1 day after 7 march}\n"
    rules = _rules(tmp_path, calendar + "campaigns:\n  x: {every: 'year on women-day, 2 days before', email: x}\n")
    assert describe(rules.rulebook.campaigns["x"], rules) == (
        "Every year, 2 days before “women-day” (8 march; EE: none; PL: 1 day after 7 march) at 10:00 by their clock,"
        " send them “x”."
    )


@pytest.mark.parametrize(
    ("cron", "words"),
    {
        "30 9 * * 1": "At 09:30 on Monday",
        "0 9 31 * *": "At 09:00 on the 31st day of every month",
        "0 9 1,15 6 *": "At 09:00 on the first and the 15th day of month in June",
    }.items(),
)
def test_cron_fields_are_put_into_words(cron: str, words: str, tmp_path: Path) -> None:
    rules = _rules(tmp_path, f"campaigns:\n  x: {{schedule: {cron}, email: x}}\n".replace(cron, f'"{cron}"'))
    assert describe(rules.rulebook.campaigns["x"], rules).startswith(f"{words} by each client's clock")


@pytest.mark.parametrize("kind", [None, *kinds()])
def test_no_campaign_of_a_starter_shows_code(kind: str | None, tmp_path: Path) -> None:
    make(tmp_path / "own", kind)
    rules = of_loaded(load(tmp_path / "own" / "campaigns"))
    assert rules.rulebook.campaigns
    for campaign in rules.rulebook.campaigns.values():
        sentences = describe(campaign, rules)
        assert not CODE.search(sentences), sentences
        assert sentences.endswith(".")
