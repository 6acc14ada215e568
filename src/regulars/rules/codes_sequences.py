"""The codes of sequences with waits for events and branches."""

from __future__ import annotations

from regulars.rules.codes import Code, campaign

_CHOICE = "steps: [{id: worth, choose: [%s, %s]}]"
_RICH, _OTHERS = "{if: customer.spent > 300, steps: [{email: a}]}", "{steps: [{email: b}]}"
_WAIT = "{id: bought, wait_for: purchase within 7 days, else: [%s]}"
_BOOKED = "events:\n  visit.booked: {starts_at: instant}\n"
_AT = "{email: a, at: 1 day before event.starts_at}"

SEQUENCES = (
    Code(
        "R070",
        "Step or branch that nobody reaches",
        "A client takes the first branch whose `if` is true; one without `if` takes all who are left. `exit` ends the"
        " sequence, so nothing of its list comes after it.",
        campaign("on: purchase", _CHOICE % (_OTHERS, _RICH), email=False),
        campaign("on: purchase", _CHOICE % (_RICH, _OTHERS), email=False),
    ),
    Code(
        "R071",
        "Sequence without an email, or `choose` without branches",
        "A sequence sends at least one email; `choose` is a list of branches.",
        campaign("on: purchase", "steps: [{email: a}, {id: worth, choose: []}]", email=False),
        campaign("on: purchase", f"steps: [{{email: z}}, {{id: worth, choose: [{_RICH}]}}]", email=False),
    ),
    Code(
        "R072",
        "Campaign that cannot be started",
        "`start` names another campaign of the rules, which does not lead back to this one. One that is about an event"
        " or a product has nothing to speak of unless both have the same `on`.",
        campaign("on: purchase", "steps: [{email: a}, {start: win-back}]", email=False),
        campaign("on: purchase", "steps: [{email: a}, {start: news}]", email=False)
        + "  news:\n    when: customer.purchases > 3\n    email: news\n",
    ),
    Code(
        "R073",
        "`at` inside a branch",
        "A step with `at` counts from an instant of the event and is independent of the steps before it, so no decision"
        " can lead to it.",
        _BOOKED + campaign("on: visit.booked", f"steps: [{_WAIT % _AT}]", email=False),
        _BOOKED + campaign("on: visit.booked", f"steps: [{_AT}, {_WAIT % '{email: b}'}]", email=False),
    ),
)
