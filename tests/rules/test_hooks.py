"""Hooks and topics in rule files: paths look data up, and what cannot be is told with the nearest word."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from regulars.rules.webhook_rules import COLUMNS, Finder, Hook, HookKind
from tests.rules.folders import read

HOOK = """\
hooks:
  shop:
    take:
      order.paid:
        purchases: {id: data.id, customer: data.buyer.id, occurred_at: data.paid_at, products: "data.lines[].sku"}
        customers: {id: data.buyer.id, shoe_size: data.buyer.shoes}
      meeting:
        events: {name: = meeting.completed, customer: client, place: where}
"""
MESSAGE: dict[str, Any] = {
    "data": {
        "id": 7, "lines": [{"sku": "a"}, {"sku": "b"}, {}], "tags": [["x", "y"], ["z"]], "none": None, "off": False,
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.id", 7),
        ("data.off", False),
        ("data.lines[].sku", ["a", "b"]),
        ("data.lines[1].sku", "b"),
        ("data.lines[9].sku", None),
        ("data.tags[][0]", ["x", "z"]),
        ("data.tags[0][]", ["x", "y"]),
        ("data.none", None),
        ("data.id.deeper", None),
        ("data[0]", None),
        ("nothing[]", None),
        ("= EUR", "EUR"),
        ("=a = b", "a = b"),
    ],
)
def test_a_path_finds_what_is_there(path: str, found: Any) -> None:
    assert Finder.parse(path).find(MESSAGE) == found


@pytest.mark.parametrize(
    "path", ["", "=", "a..b", "a.b.", "a[b]", "a[-1]", "a b", "a|b", "{{ a }}", "a()", "[0]", "a[99999]"]
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"path|comes the text"):
        Finder.parse(path)


@pytest.mark.parametrize("message", [None, 1, "text", [], [[]], {"data": []}])
def test_any_message_is_looked_through(message: Any) -> None:
    assert Finder.parse("data.lines[].sku").find(message) is None


def test_a_path_finds_a_thousand_values_at_most() -> None:
    assert len(Finder.parse("a[]").find({"a": list(range(5000))})) == 1000


def test_a_message_becomes_rows_the_client_first(tmp_path: Path) -> None:
    book = read(tmp_path, HOOK).rulebook
    assert book is not None
    hook = book.hooks["shop"]
    assert (hook.signers, hook.type_of({"type": "a"})) == (("shop",), "a")
    data = {"id": "o-1", "buyer": {"id": "c-1"}, "paid_at": "2026-06-10", "lines": [{"sku": "mower"}]}
    assert list(hook.take["order.paid"].rows({"data": data})) == [
        ("customers", {"id": "c-1"}),
        ("purchases", {"id": "o-1", "customer": "c-1", "occurred_at": "2026-06-10", "products": ["mower"]}),
    ]


@pytest.mark.parametrize(
    ("lines", "code", "hint"),
    [
        ("take: {order: {customers: {emial: a}}}", "R014", "`email`"),
        ("take: {order: {customers: {shoe_sise: a}}}", "R014", "`shoe_size`"),
        ("take: {order: {events: {name: = meeting.completed, customer: a, plase: b}}}", "R014", "`place`"),
        ("take: {order: {events: {name: = meeting.compleed, customer: a}}}", "R013", "`meeting.completed`"),
        ("take: {order: {customer: {id: a}}}", "R001", "`customers`"),
        ("take: {order: {customers: {id: a b}}}", "R003", None),
        ("take: {order: {customers: {id: [a]}}}", "R003", None),
        ("take: {order: {customers: {id: }}}", "R003", None),
        ("take: {order: }", "R003", None),
        ("keys: [Shop 1]\n    take: {}", "R006", "shop-1"),
        ("kyes: [shop]\n    take: {}", "R001", "`keys`"),
        ("keys: [shop]", "R002", None),
        ("take: {}\n    signature: shopify", "R002", None),
        ("take: {}\n    signature: shopfy\n    secret: SHOP_SECRET", "R004", "`shopify`"),
        ("take: {}\n    secret: SHOP_SECRET", "R001", "`signature: shopify`"),
        ("take: {}\n    signature: stripe\n    secret: whsec_abc", "R003", None),
        ("take: {order: {scale: {total: 0.01}}}", "R004", None),
        ("take: {order: {scale: {amount: 0}}}", "R005", None),
    ],
)
def test_a_faulty_hook_is_told(tmp_path: Path, lines: str, code: str, hint: str | None) -> None:
    loaded = read(tmp_path, f"hooks:\n  shop:\n    {lines}\n")
    assert [fault.code for fault in loaded.diagnostics] == [code]
    fault = loaded.diagnostics[0]
    assert fault.span is not None
    assert fault.span.line >= 2
    assert hint is None or hint in (fault.hint or "")


def test_columns_are_given_for_each_kind_of_row() -> None:
    assert tuple(COLUMNS) == get_args(HookKind)
    assert set(COLUMNS) == set(Hook.model_fields["take"].annotation.__args__[1].model_fields) - {"scale"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("topics: [surveys]", "R003"),
        ("topics: {Surveys: Questions}", "R006"),
        ("topics: {surveys: {en: [a]}}", "R003"),
        ("topics: {surveys: }", "R003"),
        ("topics: {surveys: Questions}\ncampaigns: {c: {on: purchase, email: thank-you, topic: survey}}", "R024"),
    ],
)
def test_a_faulty_topic_is_told(tmp_path: Path, text: str, code: str) -> None:
    assert [fault.code for fault in read(tmp_path, text).diagnostics] == [code]


def test_topics_are_read_once_or_by_language(tmp_path: Path) -> None:
    text = "topics: {surveys: {en: Questions, uk: Питання}, gifts: Gifts}\n"
    book = read(tmp_path, text + "campaigns: {c: {on: purchase, email: thank-you, topic: gifts}}").rulebook
    assert book is not None
    assert book.topics == {"surveys": {"en": "Questions", "uk": "Питання"}, "gifts": {"": "Gifts"}}


def test_the_marketing_topic_and_a_book_without_topics_need_no_name(tmp_path: Path) -> None:
    campaigns = "campaigns: {c: {on: purchase, email: thank-you%s}}"
    assert read(tmp_path / "a", "topics: {surveys: Questions}\n" + campaigns % "").diagnostics == []
    assert read(tmp_path / "b", campaigns % ", topic: whatever").diagnostics == []
