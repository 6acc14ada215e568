"""What `report` prints of an effect: the interval that holds at every look, the one of a named size, and doubts."""

from __future__ import annotations

from regulars.cli.effect_lines import effect_lines
from regulars.insights.lift import Comparison, Group, Lift

GOAL = "purchase within 14 days"


def test_an_effect_is_one_line() -> None:
    (line,) = effect_lines("back", Lift(Group(1800, 216), Group(200, 20), GOAL))
    assert line == (
        "back: purchase within 14 days: 216 of 1,800 written to, 20 of 200 held out; +2.0%"
        " (always-valid 95 % interval -6.6% to +7.4%)"
    )


def test_a_named_size_has_a_line_of_its_own() -> None:
    read = Comparison(Group(900, 110), Group(100, 9))
    _, line = effect_lines("back", Lift(Group(1800, 216), Group(200, 20), GOAL, 1000, read))
    assert line == (
        "  read at 1,000 clients, as the rule says: 110 of 900 written to, 9 of 100 held out; +3.2%"
        " (95 % interval -4.3% to +8.0%)"
    )


def test_what_is_not_sure_is_said() -> None:
    assert list(effect_lines("back", Lift(Group(12, 3), Group(0, 0), GOAL))) == [
        "back: purchase within 14 days: 3 of 12 written to, 0 of 0 held out; nothing to compare yet"
    ]
    _, early, small = effect_lines("back", Lift(Group(90, 3), Group(10, 0), GOAL, 2000))
    assert early == "  early: 100 of the 2,000 clients at which it is to be read"
    assert small.startswith("  too early to look: fewer than 5 of a group")
