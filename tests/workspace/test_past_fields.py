"""What `check` says of rules that ask what is not known: a field's past, and who of the one-time buyers still buys."""

from __future__ import annotations

from pathlib import Path

import pytest

from regulars.core.diagnostics import Severity
from regulars.rules.fields import CLIENT_FIELDS, Origin
from regulars.workspace.folder import check
from regulars.workspace.past_fields import without_a_past
from tests.workspace.folders import write

BODY = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{{ t.heading }} {{ t.button }}</mj-text>"
    '<mj-text><a href="{{ links.unsubscribe }}">{{ t.leave }}</a></mj-text></mj-column></mj-section></mj-body></mjml>'
)
RULE = "campaigns:\n  thanks:\n    email: hello\n"


@pytest.fixture(autouse=True)
def in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _said(root: Path, *lines: str) -> list[tuple[str, str]]:
    """Code and underlined text of each warning about the campaign."""
    campaign = RULE + "".join(f"    {line}\n" for line in lines)
    found, faults, sources = check(
        write(root, {"campaigns/thanks.yaml": campaign, "templates/emails/hello/body.mjml": BODY})
    )
    assert found is not None, faults
    assert {fault.severity for fault in faults} <= {Severity.WARNING}
    said = []
    for fault in faults:
        assert fault.span is not None
        line = sources[fault.span.path].splitlines()[fault.span.line - 1]
        said.append((fault.code, line[fault.span.column - 1 :][: fault.span.length]))
    return said


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("when: customer.shoe_size > 40", "backfill: since 2026-05-01"), [("A003", "shoe_size")]),
        (("each: customer.country", "backfill: since 2026-05-01"), [("A003", "country")]),
        (
            ("when: customer.purchases > 2 and customer.clv > 9", "audience: customer.locale == 'ro'",
             "backfill: since 2026-05-01"),
            [("A003", "clv"), ("A003", "locale")],
        ),
        (("when: customer.purchases > 2 and did('visit.done')", "backfill: since 2026-05-01"), []),
        (("when: customer.birthday < '2000-01-01'", "backfill: since 2026-05-01"), []),
        (("when: customer.shoe_size > 40", "backfill: all"), []),
        (("on: visit.done", "audience: customer.shoe_size > 40", "backfill: since 2026-05-01"), []),
    ],
)  # fmt: skip
def test_a_field_without_a_past_is_named(
    tmp_path: Path, lines: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert _said(tmp_path, *lines) == expected


def test_what_is_made_of_purchases_and_events_has_a_past() -> None:
    facts = {name for name, field in CLIENT_FIELDS.items() if field.origin is Origin.FACT}
    assert {name for name in facts if without_a_past(name)} == {"next_product_at"}, "it rests on what was learned"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("when: customer.p_alive < 0.5",), [("A004", "p_alive")]),
        (("when: customer.spent > 9", "audience: customer.p_alive > 0.5"), [("A004", "p_alive")]),
        (("when: customer.p_alive < 0.5 or customer.others_returned >= 0.9",), []),
        (("when: customer.p_alive < 0.5", "audience: customer.purchases >= 2"), []),
        (("when: customer.p_alive < 0.5 and count('purchase') > 1",), []),
        (("when: customer.others_returned >= 0.9",), []),
    ],
)
def test_the_chance_of_one_time_buyers_is_named(
    tmp_path: Path, lines: tuple[str, ...], expected: list[tuple[str, str]]
) -> None:
    assert _said(tmp_path, *lines) == expected
