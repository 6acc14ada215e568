"""Each campaign in one sentence, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import render
from regulars.explain.describe import describe
from regulars.rules.condition_words import condition_in_words
from tests.rules.folders import read

SENTENCES = {
    """
    new: product
    audience: product.category == 'saws'
    waves:
      - {to: customer.purchases > 0, email: x}
      - {to: customer.motivation == 'novelty', wait: 2 working days, from: manager, email: y}
      - {wait: 3 days, email: z}
    """: "When a product is launched, if `product.category == 'saws'`, send them one email, `x` at once if the client"
    " has bought at least once, else `y` in their manager's name 2 working days later if"
    " `customer.motivation == 'novelty'`, else `z` 3 days later; what happened before the rule is left alone.",
    """
    each: customer.level
    email: x
    """: "Each time a client's `customer.level` takes a value that it never had, send them `x`; those already past it"
    " are left alone.",
    """
    on: meeting.completed
    to: manager
    until: meeting.completed with same place
    steps: [{wait: 4 working hours, email: x}, {wait: 2 working days, email: y}]
    kind: transactional
    """: "When a client has `meeting.completed`, send their manager `x` 4 working hours later, then 2 working days"
    " later `y`, until they have `meeting.completed` with the same `place`; what happened before the rule is left"
    " alone; a service, so consent, cap and quiet hours do not hold it back.",
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
    " if the client has bought at least once, send them `x`, then 10 days later `x-last-day`, with a coupon of 50 %"
    " (valid 14 days, one use), until they buy; at most once in 365 days; 10 % are held out; the goal is a purchase"
    " within 14 days; those already past it are left alone.".replace("`x", "`win-back"),
    """
    when: customer.overdue >= 2 and (customer.locale == 'ro' or customer.spent > 100)
    email: x
    """: "When a client's `customer.overdue >= 2 and (customer.locale == 'ro' or customer.spent > 100)` becomes true,"
    " send them `x`; once only; those already past it are left alone.",
    """
    on: meeting.completed
    kind: transactional
    from: manager
    cc: manager
    send: within 2 hours
    email: x
    """: "When a client has `meeting.completed`, send them in their manager's name `x` within 2 hours, with a copy to"
    " the manager; what happened before the rule is left alone; a service, so consent, cap and quiet hours do not hold"
    " it back.",
    """
    on: meeting.completed
    to: manager
    steps: [{email: x, wait: 2 days, if: "not did('purchase', within='2 days')"}]
    until: purchase
    late: 1 day
    quiet_hours: keep
    """: "When a client has `meeting.completed`, send their manager `x` (only if the client had no `purchase` in the"
    " last 2 days) 2 days later, unless they buy first; what happened before the rule is left alone; dropped if it"
    " cannot go within 1 day.",
    """
    on: purchase
    audience: customer.purchases == 1
    email: x
    enabled: no
    """: "Switched off: when a client buys, if the client has bought exactly once, send them `x`; what happened before"
    " the rule is left alone.",
    """
    every: year since customer.birthday, 3 days before
    email: x
    offer: {coupon: {gift: a free blow-dry, valid: 30 days, uses: 2}}
    quiet_hours: ignore
    """: "Every year, 3 days before the day of a client's `birthday` at 10:00 by their clock (29 February is kept on"
    " 28 February in other years), send them `x`, with a coupon for a free blow-dry (valid 30 days, two uses); quiet"
    " hours do not hold it back.",
    """
    every: 3 months since customer.first_purchase_at
    email: x
    offer: {coupon: {amount: 10.50}}
    """: "Every 3 months, on the day of a client's `first_purchase_at` at 10:00 by their clock, send them `x`, with a"
    " coupon of 10.50 EUR (valid 14 days, one use).",
    """
    on: purchase
    email: x
    offer: {coupon: {service: a brow shaping, pool: tills, from: 2026-06-01, until: 2026-06-30, stock: 5000}}
    """: "When a client buys, send them `x`, with a coupon for a brow shaping, free by codes of the pool `tills` (valid"
    " until 2026-06-30, not before 2026-06-01, one use, 5,000 in all); what happened before the rule is left alone.",
    """
    on: purchase
    email: x
    offer: {coupon: {percent: 20, shared: SUMMER26, valid: 1 month, per_client: 2}}
    """: "When a client buys, send them `x`, with a coupon of 20 % by the code `SUMMER26` that all share (valid 30"
    " days, one use, 2 for each client); what happened before the rule is left alone.",
    """
    at: [2026-12-24 09:00, 2026-12-31 09:00]
    audience: customer.country == 'EE'
    email: x
    """: "On 2026-12-24 at 09:00 and 2026-12-31 at 09:00 by each client's clock, if `customer.country == 'EE'`, send"
    " them `x`.",
    """
    schedule: monthly on first monday at 10:00
    email: x
    holdout: 2.5%
    goal: meeting.completed within 7 days
    """: "Monthly on first monday at 10:00 by each client's clock, send them `x`; 2.5 % are held out; the goal is"
    " `meeting.completed` within 1 week.",
    """
    when: customer.purchases >= 3
    again: always
    backfill: since 2026-01-31
    email: x
    """: "As soon as a client has bought at least 3 times, send them `x`; each time it becomes true anew; those past it"
    " since 2026-01-31 are included.",
    """
    when: customer.purchases > 0
    backfill: all
    kind: transactional
    quiet_hours: keep
    email: x
    """: "As soon as a client has bought at least once, send them `x`; once only; those already past it are included;"
    " a service, so consent and cap do not hold it back.",
}


@pytest.mark.parametrize(("rule", "sentence"), SENTENCES.items(), ids=[str(n) for n in range(len(SENTENCES))])
def test_a_campaign_in_one_sentence(rule: str, sentence: str, tmp_path: Path) -> None:
    loaded = read(tmp_path, f"campaigns:\n  x:{rule}")
    assert loaded.rulebook is not None, render(loaded.diagnostics, loaded.sources)
    assert describe(loaded.rulebook.campaigns["x"], loaded.rulebook) == sentence


def test_a_day_of_the_calendar_in_one_sentence(tmp_path: Path) -> None:
    calendar = "calendars:\n  women-day: {default: 8 march, EE: none, PL: 1 day after 7 march}\n"
    rule = "campaigns:\n  x: {every: 'year on women-day, 2 days before', email: x}\n"
    book = read(tmp_path, calendar + rule).rulebook
    assert book is not None
    assert describe(book.campaigns["x"], book) == (
        "Every year, 2 days before `women-day` (8 march; EE: none; PL: 1 day after 7 march) at 10:00 by their clock,"
        " send them `x`."
    )


@pytest.mark.parametrize(
    ("condition", "words"),
    {
        "customer.purchases >= 1": "has bought at least once",
        "customer.purchases  >=  2": "has bought at least twice",
        "customer.purchases == 0": "has bought nothing yet",
        "customer.purchases == 4": "has bought exactly 4 times",
        "bought('mower', within='60 days')": "has bought `mower` in the last 60 days",
        'not bought("mower")': "has not bought `mower`",
        "did('visit') and not did('complaint')": "had `visit` and had no `complaint`",
        "customer.overdue > 1.5": "has stayed away more than 1.5 times as long as usual",
    }.items(),
)
def test_common_conditions_in_words(condition: str, words: str) -> None:
    assert condition_in_words(condition) == words


@pytest.mark.parametrize(
    "condition",
    [
        "customer.purchases >= 0",
        "customer.purchases >= 1 and did('a') or did('b')",
        "not (did('a') and did('b'))",
        "(did('a') or did('b')) and did('c')",
        "customer.purchases >= 1 or customer.locale == 'ro'",
        "bought('salt and pepper') and customer.locale == 'ro'",
        "customer.purchases >= 1 if did('a') else did('b')",
        "did('a') == did('b')",
        "not not did('a')",
        "did(",
        "",
    ],
)
def test_what_might_be_said_wrongly_is_not_said(condition: str) -> None:
    assert condition_in_words(condition) is None
