"""The codes of variants that cannot be right."""

from __future__ import annotations

from regulars.rules.codes import Code, campaign

_COMPANY = "company:\n  name: Studio Ana\n  from: Ana <ana@studio.example>\n  address: 7 Florilor St, Chișinău\n"
_GOAL = "goal: purchase within 14 days"
_RIGHT = campaign("on: purchase", _GOAL, "variants: [{name: plain}, {name: gift, words: gift}]")
_SEQUENCE = "steps: [{email: first}, {wait: 3 days, email: second}]"


def _with(*variants: str) -> str:
    return campaign("on: purchase", _GOAL, f"variants: [{', '.join(variants)}]")


VARIANTS = (
    Code(
        "R050",
        "Shares do not add up",
        "The shares of all variants make 100 %. Those without a share get equal parts of the rest.",
        _with("{name: plain, share: 60%}", "{name: gift, share: 50%, words: gift}"),
        _with("{name: plain, share: 60%}", "{name: gift, share: 40%, words: gift}"),
    ),
    Code(
        "R051",
        "Name of a variant",
        "Clients are drawn and counted under the name of their variant: each has one of its own, and none that of a"
        " group of the holdout.",
        _with("{name: control}", "{name: gift, words: gift}"),
        _RIGHT,
    ),
    Code(
        "R052",
        "One variant",
        "A comparison has two sides: the campaign as it is can be one of them.",
        _with("{name: gift, words: gift}"),
        _RIGHT,
    ),
    Code(
        "R053",
        "Variants without a difference",
        "Two variants change nothing, or the same.",
        _with("{name: plain}", "{name: gift}"),
        _RIGHT,
    ),
    Code(
        "R054",
        "Email of a variant that takes nobody's place",
        "A variant's `email` takes the place of the campaign's one; in a sequence it says of which step.",
        campaign("on: purchase", _GOAL, _SEQUENCE, "variants: [{name: a}, {name: b, email: other}]", email=False),
        campaign(
            "on: purchase", _GOAL, _SEQUENCE, "variants: [{name: a}, {name: b, email: {second: other}}]", email=False
        ),
    ),
    Code(
        "R055",
        "Steps of a variant",
        "A variant can have `steps` of its own, a whole other sequence. Its emails are named in them, and they take the"
        " place of the campaign's `email` or `steps`, not of `waves`.",
        campaign("on: purchase", _GOAL, "variants: [{name: a}, {name: b, email: c, steps: [{email: other}]}]"),
        campaign("on: purchase", _GOAL, "variants: [{name: a}, {name: b, steps: [{email: other}]}]"),
    ),
    Code(
        "R124",
        "Large global holdout",
        "The policy's `holdout` keeps all marketing from more than every fifth mailbox, for as long as it stands.",
        _COMPANY + "policy: {holdout: 50%}\n",
        _COMPANY + "policy: {holdout: 5%}\n",
        warning=True,
    ),
    Code(
        "R123",
        "Variants without a goal",
        "Variants are compared by how many of their clients reach the goal; without one they are only counted.",
        campaign("on: purchase", "variants: [{name: plain}, {name: gift, words: gift}]"),
        _RIGHT,
        warning=True,
    ),
)
