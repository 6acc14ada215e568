"""What an email may take: the same text fails everywhere alike, at its tag, before it has taken time or memory."""

from __future__ import annotations

import tracemalloc
from decimal import Decimal
from typing import Any

import pytest

from regulars.core.diagnostics import Span
from regulars.render.compile import Templates
from regulars.render.email_check import Usage
from regulars.render.limits import MAX_OUTPUT, MAX_ROUNDS, MAX_TEXT
from regulars.render.message import RenderFailed, render
from tests.common.email_checks import check
from tests.render.conftest import STARTER, Desk

pytestmark = pytest.mark.slow

DATA: dict[str, Any] = {
    "event": {
        "score": 50_000_000,
        "list": list(range(1000)),
        "long": "x" * 190_000,
        "name": "Ann",
        "huge": Decimal("1E+9999"),
    }
}
NESTED = "{% set a = [1] %}" + "{% set a = [a, a] %}" * 40
TOO_MUCH = {
    "two loops over text": "{% for a in 'a' * 10**6 %}{% for b in 'a' * 10**6 %}{% endfor %}{% endfor %}",
    "three loops over data": "{% for a in event.list %}{% for b in event.list %}{% endfor %}{% endfor %}",
    "a loop that calls itself": "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "a loop over what filters make": "{% for a in event.list %}{% for b in event.list | map('string') %}{% endfor %}"
    "{% endfor %}",
    "a loop that writes much": "{% for a in event.list %}" + "word " * 1000 + "{% endfor %}",
    "a loop that prints much": "{% for a in event.list %}{{ event.long }}{% endfor %}",
    "text times data": "{{ '★' * event.score }}",
    "data times text": "{{ event.score * '★' }}",
    "a list times data": "{{ ([1] * event.score) | length }}",
    "a power": "{{ 10 ** event.score }}",
    "a number times itself": "{% set n = 10 ** 300 %}" + "{% set n = n * n %}" * 30 + "{{ n }}",
    "joined to itself": "{% set a = 'x' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "added to itself": "{% set a = 'x' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "printed into itself": "{% set a = 'x' %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 60 + "{{ a }}",
    "lists of lists": NESTED,
    "lists of lists compared": NESTED + NESTED.replace(" a ", " b ").replace("a, a", "b, b") + "{{ a == b }}",
    "centred": "{{ 'a'.center(event.score) }}",
    "justified": "{{ 'a'.ljust(event.score) }}",
    "formatted": "{{ '{:>1000000000}'.format(1) }}",
    "formatted by data": "{{ ('{:>' ~ event.score ~ '}').format(1) }}",
    "formatted with per cent": "{{ '%1000000000d' % 1 }}",
    "formatted with a star": "{{ '%*d' % (event.score, 1) }}",
    "a long text many times": "{{ ('%s' * 1000) % event.long }}",
    "replaced": "{{ event.long | replace('x', event.long) }}",
    "replaced by a method": "{{ event.long.replace('x', event.long) }}",
    "joined": "{{ event.list | join(event.long) }}",
    "joined by a method": "{{ event.long.join(['a', 'b', 'c']) }}",
    "mapped and joined": "{{ event.list | map('replace', '', event.long) | join }}",
}
REFUSED = {
    "rounded": "{{ 1 | round(1000000000, 'ceil') }}",
    "summed lists": "{{ [[1], [2]] | sum(start=[]) }}",
    "a method of numbers": "{{ (1).to_bytes(10**9, 'big') }}",
    "a method that encodes": "{{ 'a'.encode() }}",
    "a number of many digits": "{{ event.huge }}",
    "a whole number of many digits": "{{ event.huge | int }}",
    "much to strip": "{{ event.long.strip(event.long) }}",
    "much to trim": "{{ event.long | trim(event.long) }}",
}


@pytest.mark.parametrize("name", [*TOO_MUCH, *REFUSED])
def test_what_takes_too_much_fails_at_its_tag_and_takes_little(desk: Desk, name: str) -> None:
    desk.email(f"<mj-text>\n{ {**TOO_MUCH, **REFUSED}[name] }</mj-text>")
    email = desk.compiled()
    tracemalloc.start()
    try:
        with pytest.raises(RenderFailed, match=r"body\.mjml:2:\d+: \{[{%]") as caught:
            render(email, DATA)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.exceeded is (name in TOO_MUCH)
    assert caught.value.span is not None


def test_only_the_client_whose_data_are_too_large_is_not_written_to(desk: Desk) -> None:
    desk.email("<mj-text>{% if customer.id == 3 %}{{ TOO }}{% endif %}Good day</mj-text>".replace("{{ TOO }}", TOO_MUCH[
        "two loops over text"]))  # fmt: skip
    email = desk.compiled()
    assert "Good day" in render(email, {"customer": {"id": 2}}).text
    with pytest.raises(RenderFailed, match=r"body\.mjml:1:\d+: \{% for a in"):
        render(email, {"customer": {"id": 3}})


def test_check_says_what_sending_would_say(desk: Desk) -> None:
    desk.email("<mj-text>\n{% for a in '1' * 1000000 %}{% endfor %}</mj-text>")
    usage = Usage("letter", "campaign", Span("campaigns/a.yaml", 1, 1), frozenset(), marketing=False)
    [fault] = check(desk.templates(), [usage])
    assert (fault.code, fault.span and (fault.span.line, fault.span.column)) == ("T021", (2, 1))
    with pytest.raises(RenderFailed) as caught:
        render(desk.compiled(), {})
    assert caught.value.message == fault.message


@pytest.mark.parametrize("part", ["subject", "preheader"])
def test_every_part_has_limits(desk: Desk, part: str) -> None:
    desk.email("<mj-text>x</mj-text>", **{part: "{{ 'a' * event.score }}"})
    with pytest.raises(RenderFailed, match=r"words/en\.yaml:\d+:\d+: "):
        render(desk.compiled(), DATA)


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("{% for a in event.list %}.{% endfor %}", "." * 1000),
        ("{{ 'ab' * 3 }}{{ 2 ** 8 }}{{ 1 + 2 }}{{ 'a' + 'b' }}{{ 7 % 4 }}", "ababab2563ab3"),
        ("{{ event.name.strip().upper() }}{{ '%s-%05d' % ('a', 3) }}{{ '{:,}'.format(1234) }}", "ANNa-000031,234"),
        ("{{ [3, 1] | sort | join(', ') }}{{ event.list | sum }}{{ 2.345 | round(1) }}", "1, 34995002.3"),
        ("{{ 'a' in 'abc' }}{{ [1, 2, 3] | select('in', [1]) | list | length }}{{ event.list[-1] }}", "True1999"),
        ("{% for x in [1, [2]] recursive %}{% if x is iterable %}{{ loop(x) }}{% else %}{{ x }}{% endif %}{% endfor %}",
         "12"),
        ("{% for x in event.list | map('string') | list %}{% if loop.last %}{{ loop.length }}{% endif %}{% endfor %}",
         "1000"),
        ("{% for x in event.list | select('gt', 997) %}{{ loop.cycle('a', 'b') }}{{ x }}{% endfor %}", "a998b999"),
        ("{{ event.long | length }}{{ event.long | truncate(5) }}", "190000xx..."),
        ("{{ event.long }}", "x" * 190_000),
    ],
)  # fmt: skip
def test_what_emails_do_is_within_the_limits(desk: Desk, inner: str, text: str) -> None:
    desk.email(f"<mj-text>{inner}</mj-text>")
    assert desk.render(**DATA).text.strip() == text


def test_the_limits_themselves(desk: Desk) -> None:
    for name, size, fails in (
        ("{% for x in event.n %}{% endfor %}", MAX_ROUNDS, False),
        ("{% for x in event.n %}{% endfor %}", MAX_ROUNDS + 1, True),
        ("{{ ('a' * event.n) | length }}", MAX_TEXT, False),
        ("{{ ('a' * event.n) | length }}", MAX_TEXT + 1, True),
        ("{% for x in [1] * event.n %}" + "y" * (MAX_OUTPUT // 1000) + "{% endfor %}", 1000, False),
        ("{% for x in [1] * event.n %}" + "y" * (MAX_OUTPUT // 1000) + "{% endfor %}", 1001, True),
    ):
        desk.email(f"<mj-text>{name}</mj-text>")
        email = desk.compiled()
        value = "a" * size if "in event.n" in name else size
        if fails:
            with pytest.raises(RenderFailed):
                render(email, {"event": {"n": value}})
        else:
            assert render(email, {"event": {"n": value}}).text


@pytest.mark.parametrize(
    ("tag", "kind"),
    [
        ("{{ self }}", "TemplateReference"),
        ("{{ event.name.upper }}", "builtin_function_or_method"),
        ("{{ event.list | map('string') }}", "generator"),
        ("{{ years_since }}", "function"),
        ("{{ _formats }}", "Formats"),
        ("{% for x in [1] %}{{ loop }}{% endfor %}", "LoopContext"),
        ("{{ event.list ~ '' }}", "list"),
        ("{{ event | string }}", "dict"),
        ("{{ [event] | join }}", "dict"),
    ],
)
def test_no_object_of_the_machine_is_ever_printed(desk: Desk, tag: str, kind: str) -> None:
    desk.email(f"<mj-text>{tag}</mj-text>")
    with pytest.raises(RenderFailed, match=f"{kind} cannot be printed"):
        desk.render(**DATA)


def test_every_email_of_the_starter_is_far_below_the_limits() -> None:
    templates = Templates([STARTER], "en")
    for name in templates.names():
        template = templates.compiled(name, "en").html
        assert len(template.source) < MAX_OUTPUT / 20
