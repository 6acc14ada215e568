from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from regulars.core.diagnostics import Diagnostic, Severity, Span
from regulars.core.diagnostics import render as show
from regulars.render.compile import Templates
from regulars.render.email_check import Usage
from regulars.rules.fields import CUSTOMER
from tests.common.email_checks import check
from tests.render.conftest import FRAME, Desk

FIELDS = frozenset(
    "external_id email name first_name last_name company phone locale timezone country source birthday created_at"
    " purchases spent first_purchase_at last_purchase_at rhythm overdue next_product next_product_at manager".split()
)
USAGE = Usage("letter", "campaign", Span("campaigns/a.yaml", 3, 12, 6), FIELDS, marketing=False)


def found(desk: Desk, **change: Any) -> list[tuple[str, int, int]]:
    desk.write(
        "letter/sample.yaml", "customer: {name: A}\ncoupon: {code: X}\nevent: {topic: T}\nlinks: {unsubscribe: u}\n"
    )
    diagnostics = check(desk.templates(), [replace(USAGE, **change)])
    return [(d.code, d.span.line, d.span.column) for d in diagnostics if d.span]


def test_a_sound_email_has_no_faults(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.hi }} {% for x in [1, 2] %}{{ loop.index }}{{ x }}{% endfor %}</mj-text>", hi="Hi")
    assert found(desk) == []


@pytest.mark.parametrize(
    ("inner", "faults"),
    [
        ("<mj-text>\n{{ custmer.spent or 1 }}</mj-text>", [("T003", 2, 4)]),
        ("<mj-text>\n{{ customer.spend or 1 }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ manager.nam }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ coupon.code }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ event.topic }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ holiday.day }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ customer.next_product.nam }}</mj-text>", [("T004", 2, 4)]),
        ("<mj-text>\n{{ 'x' if t.hi }}</mj-text>", [("T005", 2, 11)]),
        ("<mj-text>\n{{ customer.first_name }}</mj-text>", [("T017", 2, 4)]),
        ("<mj-text>\n{{ customer.first_name | upper }}</mj-text>", [("T017", 2, 4)]),
        (
            "<mj-text>\n{% for x in customer.all %}{{ x }}{% endfor %}{{ x }}</mj-text>",
            [("T004", 2, 13), ("T003", 2, 50)],
        ),
        ('\n<mj-image src="https://x.example/a.png" />', [("T011", 2, 1)]),
        ('<mj-text>\n<a href="studio.example">x</a></mj-text>', [("T013", 2, 1)]),
        ("\n<mj-button>x</mj-button>", [("T013", 2, 1)]),
        ("\n<mj-buton>x</mj-buton>", [("T010", 2, 1)]),
        ("<mj-text>{{ customer.name | uper }}</mj-text>", [("T007", 1, 67)]),
    ],
)
def test_a_fault_is_named_at_its_place(desk: Desk, inner: str, faults: list[tuple[str, int, int]]) -> None:
    desk.email(inner)
    assert [f for f in found(desk) if f[0] != "T016"] == faults


@pytest.mark.parametrize(
    "inner",
    [
        "{% if coupon %}{{ coupon.code }}{% endif %}",
        "{% if event %}{{ event.topic }}{% endif %}",
        "{{ event.other if event.other is defined else '' }}",
        "{% if customer.first_name %}{{ customer.first_name }}{% else %}friend{% endif %}",
        "{{ customer.first_name or 'friend' }}",
        "{{ customer.first_name | default('friend', true) }}",
        "{% set name = customer.email %}{{ name }}",
        "{% with name = customer.email %}{{ name }}{% endwith %}",
    ],
)
def test_what_is_guarded_is_no_fault(desk: Desk, inner: str) -> None:
    desk.email(f"<mj-text>{inner}</mj-text>")
    assert [f for f in found(desk) if f[0] != "T016"] == []


def test_an_offer_and_an_event_bring_their_names(desk: Desk) -> None:
    desk.email("<mj-text>\n{{ coupon.code }} {{ event.topic }}</mj-text>")
    assert found(desk, has_coupon=True, event="meeting.completed", event_fields={"topic"}) == []
    assert found(desk, has_coupon=True, event="meeting.completed", event_fields=None) == []
    assert found(desk, has_coupon=True, event="meeting.completed", event_fields={"subject"}) == [("T004", 2, 22)]


def test_the_workspaces_own_fields_are_known(desk: Desk) -> None:
    desk.email("<mj-text>{{ customer.lashes or '' }}</mj-text>")
    assert found(desk, customer_fields=FIELDS) != []
    assert [f for f in found(desk, customer_fields=FIELDS | {"lashes"}) if f[0] != "T016"] == []


def test_a_missing_email_is_named_where_the_campaign_names_it(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>")
    [fault] = check(desk.templates(), [replace(USAGE, email="leter")])
    assert (fault.code, fault.span, fault.hint) == ("T001", USAGE.span, "did you mean `letter`?")


def test_marketing_needs_a_way_out(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>")
    assert found(desk, marketing=True) == [("T012", 1, 1)]
    desk.email('<mj-text><a href="{{ links.unsubscribe }}">x</a></mj-text>')
    assert found(desk, marketing=True) == []


def test_a_word_that_one_language_lacks_is_named_there(desk: Desk) -> None:
    desk.email("<mj-text>{{ t.hi }}</mj-text>", hi="Hi")
    desk.words("letter", "uk", subject="s", hello="Привіт")
    assert found(desk) == [("T005", 1, 48), ("T006", 2, 1)]


def test_a_language_that_other_emails_have_is_missed(desk: Desk) -> None:
    desk.email("<mj-text>x</mj-text>")
    desk.email("<mj-text>x</mj-text>", email="other")
    desk.words("other", "uk", subject="s")
    for name in ("letter", "other"):
        desk.write(f"{name}/sample.yaml", "{}")
    [fault] = check(desk.templates(), [USAGE, replace(USAGE, email="other")])
    assert (fault.code, fault.severity) == ("T009", Severity.WARNING)
    assert "`uk`" in fault.message


def test_a_subject_is_a_must(desk: Desk) -> None:
    desk.write("letter/body.mjml", FRAME.format("<mj-text>x</mj-text>"))
    desk.write("letter/words/en.yaml", "preheader: p\n")
    assert found(desk) == [("T008", 1, 1)]


def test_a_sample_that_fails_and_one_that_is_too_big_are_warned_of(desk: Desk) -> None:
    desk.email("<mj-text>{{ customer.email }}</mj-text>")
    assert found(desk) == [("T016", 1, 1)]
    desk.email("<mj-text>" + "x" * 110_000 + "</mj-text>")
    assert found(desk) == [("T014", 1, 1)]


def test_every_fault_is_reported_once_and_all_in_one_go(desk: Desk) -> None:
    desk.email("<mj-text>\n{{ a }}\n{{ b }}</mj-text>")
    desk.words("letter", "uk", subject="s")
    desk.write("letter/sample.yaml", "{a: 1, b: 2}")
    faults = check(desk.templates(), [USAGE, replace(USAGE, campaign="second")])
    assert [(f.code, f.span.line if f.span else 0) for f in faults] == [("T003", 2), ("T003", 3)]


def test_a_fault_prints_with_its_line_underlined(desk: Desk) -> None:
    desk.email("<mj-text>\n  {{ custmer.name or '' }}</mj-text>")
    templates = desk.templates()
    text = show([f for f in check(templates, [USAGE]) if f.code == "T003"], templates.sources())
    assert text.splitlines()[-3:] == [
        "2 |   {{ custmer.name or '' }}</mj-text></mj-column></mj-section></mj-body></mjml>",
        "  |      ^^^^^^^^^^^^",
        "  = help: did you mean `customer`?",
    ]


@pytest.mark.slow
def test_the_starter_has_no_faults_of_its_own(starter: Templates) -> None:
    """Whatever campaign uses it: here each email has an event, a product, a day, an offer and every field."""
    fields = FIELDS | frozenset(CUSTOMER)
    whatever = Usage("", "", None, fields, "any", product=True, holiday=True, has_coupon=True, marketing=False)
    usages = [replace(whatever, email=name, campaign=name) for name in starter.names()]
    faults: list[Diagnostic] = [d for d in check(starter, usages) if d.severity is Severity.ERROR]
    assert show(faults, starter.sources()) == ""
