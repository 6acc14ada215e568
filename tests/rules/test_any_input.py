"""Whatever a file holds, loading it gives a rulebook or diagnostics with places in it, and raises nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from regulars.core.diagnostics import Severity, render
from regulars.explain.describe import describe
from regulars.rules.loader import Loaded, load
from regulars.workspace.conditions import written
from tests.common.rules import of_loaded
from tests.rules.folders import COMPANY, cases, write

WHOLE = COMPANY + (
    "campaigns:\n"
    "  win-back:\n"
    "    when: customer.overdue >= 2 or days_since(customer.last_purchase_at) > 90\n"
    "    again: after 365 days\n"
    "    offer: {coupon: {percent: 50, valid: 14 days, uses: 1, prefix: BACK}}\n"
    "    steps:\n      - email: win-back\n      - {wait: 10 days, email: last-day, if: \"customer.locale == 'ro'\"}\n"
    "    until: purchase\n    goal: purchase within 14 days\n    holdout: 10%\n"
    "  christmas: {at: 2026-12-24 09:00, email: christmas, backfill: since 2026-01-01}\n"
    "  birthday: {every: 'year since customer.birthday, 3 days before', email: birthday, cc: [manager]}\n"
    "tests:\n  - name: one\n"
    "    customer: {locale: uk, vip: yes, purchases: [2026-01-10, {at: 2026-02-08, amount: 30, products: [mower]}]}\n"
    "    events: [{name: meeting.completed, at: 2026-06-10 15:00, data: {place: here}}]\n"
    "    catalogue: [{sku: mower, next: [{sku: saw, after_days: 60}], accessories: [oil]}]\n"
    "    on: 2026-06-10\n    expect: {win-back: {subject: '*50*'}, birthday: nothing}\n"
)
TOKENS = [
    *"{}[]:,-&*!|>'\"%@`#?\t\n\r \x00\x85\u2028\ufeff",
    "\n  ", ": ", "- ", "&a ", "*a", "<<: ", "---\n", "null", "~", "1e9", "2026-02-30", "1970-01-01", "on", "no",
    "99999999999 days", "!!python/object:x", "{{ x }}", "[[[[", "\ud7ff", "é", "🙂",
]  # fmt: skip


def loaded(*files: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as name:
        result = load(write(Path(name), {f"{n}.yaml": raw for n, raw in enumerate(files)} | {"company.yaml": b"{}"}))
    for fault in result.diagnostics:
        assert fault.message
        assert fault.span is not None
        text = result.sources[fault.span.path].splitlines() or [""]
        assert 1 <= fault.span.line <= max(1, len(text))
        assert 1 <= fault.span.column <= len(text[fault.span.line - 1]) + 1
        assert fault.span.length >= 1
    assert (result.rulebook is None) == any(d.severity is Severity.ERROR for d in result.diagnostics)
    render(result.diagnostics, result.sources)
    if result.draft:
        rules = of_loaded(result)
        for campaign in rules.rulebook.campaigns.values():
            if all(loc in rules.conditions for loc, _ in written(campaign)):
                assert describe(campaign, rules).endswith(".")
    return result


def test_the_file_that_is_mutated_is_sound() -> None:
    result = loaded(WHOLE.encode())
    assert result.rulebook is not None, render(result.diagnostics, result.sources)
    assert set(result.rulebook.campaigns) == {"win-back", "christmas", "birthday"}


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf")
@example(b"{")
@example(b"a: [1\nb: {#\n")
@example(b"\xff\xfea\x00")
@example(b"&a [*a]")
@example(b"[" * 5000)
@example(b"? " * 2000)
@example(b"a: " + b"{a: " * 3000)
@example(b"%YAML 9.9\n---\n")
@example(b"a: \xc2\x85b: c")
def test_any_bytes(raw: bytes) -> None:
    loaded(raw)


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_texts(one: str, two: str) -> None:
    loaded(one.encode("utf-8", errors="surrogatepass"), two.encode("utf-8", errors="surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    text = WHOLE
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.sampled_from([0, 0, 1, 3, 20, 200]))
        text = text[:at] + draw(st.sampled_from(["", *TOKENS])) + text[at + cut :]
    return text.encode("utf-8", errors="surrogatepass")


@given(mutated())
def test_a_sound_file_with_slips_of_the_pen(raw: bytes) -> None:
    loaded(raw)


@given(st.lists(st.sampled_from([case.fail for case in cases()]), min_size=2, max_size=4))
def test_several_broken_files_together(texts: list[str]) -> None:
    loaded(*[text.encode() for text in texts])


SCALARS = st.sampled_from(
    ["null", "", "true", "3", "-1", "1.5", "[]", "{}", "[[]]", "{a: b}", "[a, {b: c}]", "14 days", "2026-01-31",
     "year since customer.birthday", "purchase", "win-back", "'*'", '""', "10%", "nothing", "customer.purchases > 1"]
)  # fmt: skip
KEYS = [
    "on", "when", "every", "at", "schedule", "email", "steps", "until", "goal", "offer", "holdout", "backfill", "cc",
    "was", "send", "again", "kind", "if", "name", "sender", "x",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(KEYS), SCALARS, max_size=6))
def test_any_values_under_the_keys_of_a_campaign(values: dict[str, str]) -> None:
    body = "".join(f"    {key}: {value}\n" for key, value in values.items())
    loaded(f"company: {{name: A, from: a@b.example, address: x}}\ncampaigns:\n  a:\n{body}".encode())


@given(
    st.dictionaries(
        st.sampled_from(["name", "customer", "events", "manager", "catalogue", "on", "expect", "purchases"]), SCALARS
    )
)
def test_any_values_under_the_keys_of_a_test(values: dict[str, str]) -> None:
    body = "".join(f"    {key}: {value}\n" for key, value in values.items())
    loaded(f"tests:\n  - since: 2026-01-01\n{body}".encode())
