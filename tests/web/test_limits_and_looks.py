"""Buckets that fill again, and a company's colour that can be read on light and on dark."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from regulars.core.colour import Colour, contrast, parse
from regulars.web.rate_limit import Limiter, source_of
from regulars.web.recipient.page_templates import stylesheet
from tests.web.shop import Shop


def test_a_bucket_is_emptied_and_fills_again() -> None:
    seconds = 0.0
    limiter = Limiter(rate=0.5, burst=3, clock=lambda: seconds)
    assert [limiter.allows("a") for _ in range(4)] == [True, True, True, False]
    assert limiter.allows("b")
    seconds = 1.9
    assert not limiter.allows("a")
    seconds = 4.0
    assert [limiter.allows("a") for _ in range(3)] == [True, True, False]


def test_memory_is_bounded() -> None:
    limiter = Limiter(rate=1, burst=1)
    for number in range(20_050):
        limiter.allows(str(number))
    assert len(limiter._buckets) == 20_000
    assert limiter.allows("0")  # forgotten
    assert not limiter.allows("20049")


def test_a_scanner_that_uses_up_a_link_leaves_the_one_click_post(small_shop: Shop) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    seen = [small_shop.get(path).status for _ in range(80)]
    assert seen[:60] == [200] * 60
    assert 429 in seen
    assert small_shop.post(path, **{"List-Unsubscribe": "One-Click"}).status == 200
    assert small_shop.count("consent_log") == 1


def test_a_network_of_ipv6_is_one_visitor_of_the_form(small_shop: Shop) -> None:
    def join(address: str) -> int:
        headers = {"content-type": "application/x-www-form-urlencoded", "x-forwarded-for": address}
        return small_shop.ask("POST", "/join", "email=new@client.example", headers).status

    assert [join(f"2001:db8::{number:x}") for number in range(1, 21)] == [303] * 5 + [429] * 15
    assert join("2001:db8:0:1::1") == 303, "another network"


def test_whom_an_address_counts_for() -> None:
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2::") == "2001:db8:1:2::/64"
    assert source_of("2001:db8:1:3::") != source_of("2001:db8:1:2::")
    assert source_of("fe80::1%eth0") == source_of("fe80::2")
    assert source_of("::ffff:192.0.2.7") == source_of("192.0.2.7") == "192.0.2.7"
    assert source_of("::ffff:192.0.2.8") == "192.0.2.8"
    assert [source_of(text) for text in ("", "unix", "2001:db8::/32")] == ["", "unix", "2001:db8::/32"]


def rgb(color: str) -> Colour:
    found = parse(color)
    assert found is not None
    return found


@given(color=st.from_regex(r"\A#[0-9a-fA-F]{6}\Z"))
def test_any_colour_can_be_read_on_both_grounds(color: str) -> None:
    found = dict(re.findall(r"--(brand|brand-dark): (#[0-9a-f]{6});", stylesheet(color)))
    assert contrast(rgb(found["brand"]), (255, 255, 255)) >= 4.5
    assert contrast(rgb(found["brand-dark"]), (24, 26, 27)) >= 4.5


def test_a_readable_colour_stays_as_it_is() -> None:
    assert "--brand: #2f6b46;" in stylesheet("#2F6B46")
