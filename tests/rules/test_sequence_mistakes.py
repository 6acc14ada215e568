"""The likely mistakes of sequences: each gets its diagnostic, at the line where it stands, with the nearest word."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.rules.loader import load

HEAD = """\
company: {name: Studio, from: Studio <hello@studio.example>, address: 7 Flower Street, timezone: UTC}
events:
  visit.done: {visit: text, score: number}
  visit.booked: {visit: text, score: text}
campaigns:
"""
START = "  other: {when: customer.purchases > 1, email: other}\n"


def campaign(*lines: str, trigger: str = "when: customer.purchases > 0") -> str:
    """A campaign `series` with these lines below `steps:`."""
    return f"  series:\n    {trigger}\n    steps:\n" + "".join(f"      {line}\n" for line in lines)


WAIT = ("- {email: one}", "- {id: bought, wait_for: purchase within 7 days, then: [exit], else: [{email: two}]}")
MISTAKES: dict[str, tuple[str, str, str]] = {
    "no id": (campaign("- {email: one}", "- {wait_for: purchase within 7 days, then: [], else: []}"), "R002", "id"),
    "one id twice": (campaign(*WAIT, "- {id: bought, choose: [{steps: [{email: three}]}]}"), "R009", "named `bought`"),
    "one email twice": (campaign(*WAIT, "- {email: two}"), "R009", "named `two`"),
    "then without a wait": (campaign("- {email: one, then: [exit]}"), "R001", "then"),
    "an unknown event": (
        campaign("- {email: one}", "- {id: a, wait_for: visit.don within 7 days, then: [exit], else: []}"),
        "R013", "visit.don",
    ),
    "no limit": (campaign("- {email: one}", "- {id: a, wait_for: purchase, then: [], else: []}"), "R003", "within"),
    "a branch after the one for all": (
        campaign("- {id: a, choose: [{steps: [{email: one}]}, {if: customer.clv > 1, steps: [{email: two}]}]}"),
        "R070", "takes everybody",
    ),
    "no branch": (campaign("- {email: one}", "- {id: a, choose: []}"), "R071", "no branches"),
    "two branches of a name": (
        campaign("- {id: a, choose: [{if: customer.clv > 1, steps: [exit]}, {steps: [exit]}]}", "- {email: one}"),
        "R009", "branches are named `exit`",
    ),
    "no email at all": (campaign("- {id: a, choose: [{steps: [exit]}]}"), "R071", "sends an email"),
    "a start of itself": (campaign("- {email: one}", "- {start: series}"), "R072", "cannot start itself"),
    "a start of nobody": (START + campaign("- {email: one}", "- {start: othr}"), "R072", "no campaign `othr`"),
    "a circle": (
        "  other: {when: customer.purchases > 1, steps: [{email: other}, {start: series}]}\n"
        + campaign("- {email: one}", "- {start: other}"),
        "R072", "a circle: `",
    ),
    "a start of a campaign about an event": (
        "  other: {on: visit.done, email: other}\n" + campaign("- {email: one}", "- {start: other}"),
        "R072", "nobody who is started has one",
    ),
    "after the end": (campaign("- {email: one}", "- exit", "- {email: two}"), "R070", "after `exit`"),
    "an instant in a branch": (
        campaign(
            "- {email: one}",
            "- {id: a, choose: [{steps: [{email: two, at: 1 day before event.starts_at}]}]}",
            trigger="on: visit.done",
        ),
        "R073", "cannot depend on a decision",
    ),
    "the same as nothing": (
        campaign("- {email: one}", "- {id: a, wait_for: visit.done with same visit within 7 days, then: [exit]}"),
        "R031", "something to be the same as",
    ),
    "a field that one event lacks": (
        campaign(
            "- {email: one}", "- {id: a, wait_for: visit.booked with same visi within 7 days, then: [exit]}",
            trigger="on: visit.done",
        ),
        "R031", "has no field `visi`",
    ),
    "a field of two types": (
        campaign(
            "- {email: one}", "- {id: a, wait_for: visit.booked with same score within 7 days, then: [exit]}",
            trigger="on: visit.done",
        ),
        "R031", "of another type",
    ),
    "a former name that is in use": (
        campaign("- {email: one}", "- {email: two, was: one}"), "R015", "still named `one`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_likely_mistake_gets_its_diagnostic(name: str, tmp_path: Path) -> None:
    text, code, words = MISTAKES[name]
    file = tmp_path / "campaigns" / "rules.yaml"
    file.parent.mkdir()
    file.write_text(HEAD + text, encoding="utf-8")
    found = [(one.code, one.message + (one.hint or "") + (one.expected or "")) for one in load(file.parent).diagnostics]
    assert any(each == code and words in said for each, said in found), found


def test_the_nearest_word_is_hinted_at(tmp_path: Path) -> None:
    file = tmp_path / "campaigns" / "rules.yaml"
    file.parent.mkdir()
    file.write_text(HEAD + MISTAKES["a start of nobody"][0], encoding="utf-8")
    (fault,) = load(file.parent).diagnostics
    assert fault.hint == "did you mean `other`?"
    assert fault.span is not None
    assert fault.span.line == len(HEAD.splitlines()) + 6
