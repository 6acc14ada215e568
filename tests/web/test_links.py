"""Guesses, paths that lead nowhere, and what surrounds every answer. Links one by one: test_every_link.py."""

from __future__ import annotations

import pytest

from tests.web.every_link import KINDS, Kind, genuine
from tests.web.shop import Shop


def test_guessing_becomes_slow_and_genuine_links_do_not(small_shop: Shop) -> None:
    good = small_shop.link("u", small_shop.promise(small_shop.customer()))
    statuses = {small_shop.get(f"/u/guess{number}").status for number in range(60)}
    assert statuses == {404, 429}
    assert small_shop.get(good).status == 200


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_punctuation_behind_a_link_is_not_of_it(shop_below_mail: Shop, kind: Kind) -> None:
    shop = shop_below_mail
    path = genuine(shop, kind, "ada").path
    clean = shop.get(path)
    assert clean.status in (200, 302)
    for mark in (".", ")", ",", "%3E", "%22", "%5D.", "!%29", "%E2%80%9D", "%E3%80%82", "&gt;", "&#34;.", "=", "%20"):
        for front in ("", "/mail"):
            answer = shop.get(front + path + mark)
            assert (answer.status, answer.headers.get("location")) == (clean.status, clean.headers.get("location")), (
                mark
            )
            assert answer.text == clean.text
        assert shop.get(path + mark + "x").status == 404, "only what stands at the end is left out"


def test_a_form_on_a_page_with_punctuation_behind_its_link(small_shop: Shop) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    answer = small_shop.post(f"{path}).", leave="all")
    assert (answer.status, answer.headers["location"]) == (303, path.rpartition("/")[2])
    assert small_shop.count("consent_log") == 1


@pytest.mark.parametrize("path", ["/", "/nothing", "/u", "/u/", "/u/a/b", "/favicon.ico"])
def test_no_page_there(small_shop: Shop, path: str) -> None:
    answer = small_shop.get(path)
    assert answer.status == 404
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(small_shop: Shop, method: str) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    assert small_shop.ask(method, path).status == 405


def test_every_page_is_closed_to_scripts_and_stores(small_shop: Shop) -> None:
    page = small_shop.get(small_shop.link("u", small_shop.promise(small_shop.customer())))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "style=" not in page.text


def test_a_large_body_is_refused_announced_or_not(small_shop: Shop) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert small_shop.ask("POST", path, b"a=" + b"x" * 100_000, form).status == 413
    lengthless = {**form, "transfer-encoding": "chunked"}
    body = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(100)) + b"0\r\n\r\n"
    assert small_shop.ask("POST", path, body, lengthless).status == 413


@pytest.mark.parametrize("body", [b"--x\r\nnonsense", b"", b"--x--", b"\xff\xfe" * 50])
def test_a_form_that_cannot_be_read_is_refused(small_shop: Shop, body: bytes) -> None:
    path = small_shop.link("p", small_shop.promise(small_shop.customer()))
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert small_shop.ask("POST", path, body, headers).status == 400


@pytest.mark.parametrize("cut", [False, True])
def test_below_a_path_whether_the_proxy_cuts_it_or_not(shop_below_mail: Shop, cut: bool) -> None:
    shop = shop_below_mail
    path = shop.link("u", shop.promise(shop.customer()))
    page = shop.get(path.removeprefix("/mail") if cut else path)
    assert page.status == 200
    assert 'href="../style.css"' in page.text
    assert shop.get("/style.css" if cut else "/mail/style.css").headers["content-type"].startswith("text/css")


def test_a_stranger_is_answered_in_the_language_of_the_browser(small_shop: Shop) -> None:
    answer = small_shop.ask("GET", "/u/x", headers={"accept-language": "fr, et;q=0.8, en;q=0.5, ;;q=x"})
    assert '<html lang="et">' in answer.text
