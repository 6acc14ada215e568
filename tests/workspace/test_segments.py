"""Segments of the rule files: shared by all of them, and every likely mistake said at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity, render
from regulars.explain.describe import describe, describe_segment
from regulars.workspace.folder import check
from tests.workspace.folders import SOUND, write

SEGMENTS = "campaigns/segments.yaml"
BEST = "segments:\n  best: customer.spent > 500\n"
USES = "  again:\n    when: in_segment('best')\n    email: hello\n"
FAULTS = {
    # name: (the file of segments, the audience of the campaign, code, line of the segments or 0, message, hint)
    "unknown": (BEST, "in_segment('bst')", "A001", 0, "no segment `bst`", "`best`"),
    "unknown in a segment": (
        BEST + "  top: in_segment('bset')\n", "in_segment('top') or in_segment('best')", "A001", 3, "no segment `bset`",
        "`best`",
    ),
    "a ring of one": ("segments:\n  best: in_segment('best')\n", "in_segment('best')", "A005", 2, "of itself", ""),
    "a ring of three": (
        "segments:\n  a: in_segment('b')\n  b: not in_segment('c')\n  c: in_segment('a') or true\n", "in_segment('c')",
        "A005", 2, "`a` → `b` → `c` → `a`", "without it",
    ),
    "an event": (
        "segments:\n  best: event.paid > 5\n", "in_segment('best')", "A001", 2, "which is about the client", "",
    ),
    "a field misspelt": ("segments:\n  best: customer.spnt > 5\n", "true", "A001", 2, "`spnt`", "`spent`"),
    "a number": ("segments:\n  best: customer.spent\n", "in_segment('best')", "A001", 2, "not a yes or no", "> 0"),
    "a list": ("segments:\n  best: [customer.spent > 5]\n", "true", "R003", 2, "`best` is a list", ""),
    "no names": ("segments: [customer.spent > 5]\n", "true", "R003", 1, "`segments` is a list", ""),
    "no name of a segment": (
        "segments:\n  Best Clients: customer.spent > 5\n", "true", "R006", 2, "cannot be the name", "`best-clients`",
    ),
    "left, outside of when": (BEST, "left_segment('best')", "A001", 0, "only `when`", "not in_segment('best')"),
    "left, in a segment": (
        BEST + "  gone: left_segment('best')\n", "in_segment('gone')", "A001", 3, "only `when`", "not in_segment",
    ),
    "a field taken for a segment": (BEST, "in_segment('shoe_size')", "A001", 0, "no segment", "`customer.shoe_size`"),
}  # fmt: skip


def _audience(condition: str, more: str = "") -> dict[str, str]:
    thanks = SOUND["campaigns/thanks.yaml"].replace("customer.purchases >= 1 and event.paid > 10", condition)
    body = SOUND["templates/emails/hello/body.mjml"].replace("{{ event.service }}", "{{ customer.first_name or '' }}")
    return {"campaigns/thanks.yaml": thanks + more, "templates/emails/hello/body.mjml": body}


@pytest.mark.parametrize("name", FAULTS)
def test_each_mistake_is_said_once_at_its_place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segments, audience, code, line, message, hint = FAULTS[name]
    write(tmp_path, {SEGMENTS: segments, **_audience(f'"{audience}"')})
    monkeypatch.chdir(tmp_path)
    _, faults, sources = check(tmp_path)
    shown = render(faults, sources)
    [found] = [fault for fault in faults if fault.severity is Severity.ERROR]
    assert (found.code, found.span is not None) == (code, True), shown
    assert found.span is not None
    assert (found.span.path, found.span.line) == ((SEGMENTS, line) if line else ("campaigns/thanks.yaml", 4)), shown
    assert message in found.message, shown
    assert hint in (found.hint or ""), shown


def test_a_segment_is_used_from_other_files_and_told_in_its_own_words(tmp_path: Path) -> None:
    parts = BEST + "  loyal: in_segment('best') and customer.purchases >= 3\n"
    write(tmp_path, {SEGMENTS: parts, **_audience("in_segment('loyal')", USES)})
    workspace, faults, sources = check(tmp_path)
    assert faults == [], render(faults, sources)
    assert workspace is not None
    said = describe(workspace.rulebook.campaigns["again"], workspace)
    assert said.startswith(
        "As soon as a client is in the segment “best” (the client has spent more than 500), send them “hello”."
    )
    assert describe_segment("loyal", workspace) == (
        "Clients of whom this is true: the client is in the segment “best” (the client has spent more than 500) and has"
        " bought at least 3 times."
    )


def test_a_segment_that_only_an_email_asks_about_is_used(tmp_path: Path) -> None:
    files = _audience("true")
    body = files["templates/emails/hello/body.mjml"].replace(
        "{{ t.heading }}", "{% if in_segment('best') %}x{% endif %}"
    )
    words = SOUND["templates/emails/hello/words/en.yaml"].replace("heading: How nice that you came\n", "")
    more = {"templates/emails/hello/body.mjml": body, "templates/emails/hello/words/en.yaml": words}
    write(tmp_path, {SEGMENTS: BEST, **files, **more})
    workspace, faults, sources = check(tmp_path)
    assert workspace is not None
    assert faults == [], render(faults, sources)


@pytest.mark.parametrize(
    ("segments", "code", "message"),
    [
        (BEST + "  idle: customer.spent > 9\n", "A006", "uses the segment `idle`"),
        (BEST + "  shoe-size: in_segment('best')\n", "A007", "`customer.shoe_size`"),
        ("segments:\n  best: customer.spent > 5\n  thanks: in_segment('best')\n", "A007", "a campaign too"),
    ],
)
def test_unused_and_misleading_names_are_warned_of(
    segments: str, code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {SEGMENTS: segments, **_audience("in_segment('best')")})
    workspace, faults, sources = check(tmp_path)
    assert workspace is not None, render(faults, sources)
    [found] = [fault for fault in faults if fault.code == code]
    assert (found.severity, message in found.message) == (Severity.WARNING, True), render(faults, sources)
    assert found.span is not None
    assert (found.span.path, found.span.line) == (SEGMENTS, 3)


def test_backfill_cannot_reach_those_who_left_before(tmp_path: Path) -> None:
    farewell = "  farewell:\n    when: left_segment('best')\n    backfill: all\n    email: hello\n"
    write(tmp_path, {SEGMENTS: BEST, **_audience("in_segment('best')", farewell)})
    _, faults, sources = check(tmp_path)
    assert [fault.code for fault in faults if fault.severity is Severity.ERROR] == ["A008"], render(faults, sources)
