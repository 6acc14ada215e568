"""Leaving: by a mail program's button, by the page's, by topic, and back again."""

from __future__ import annotations

import pytest

from tests.web.shop import NOW, Shop


def test_a_get_shows_one_button_and_changes_nothing(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer()))
    before = shop.everything()
    page = shop.get(path)
    assert page.status == 200
    assert page.text.count("<button") == 1
    assert shop.ask("HEAD", path).text == ""
    assert shop.everything() == before


@pytest.mark.parametrize("multipart", [False, True])
def test_one_click_as_a_mail_program_posts_it(shop: Shop, multipart: bool) -> None:
    ada = shop.customer()
    path = shop.link("u", promise := shop.promise(ada))
    if multipart:
        body = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'
        answer = shop.ask("POST", path, body, {"content-type": "multipart/form-data; boundary=x"})
    else:
        answer = shop.post(path, **{"List-Unsubscribe": "One-Click"})
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    (word,) = shop.rows("consents")
    assert (word["topic"], word["granted"], word["at"]) == ("marketing", False, NOW)
    (line,) = shop.rows("consent_log")
    assert (line["customer_id"], line["source"], line["at"]) == (ada, "one-click", NOW)
    assert line["detail"] == {"promise": promise, "campaign": "win-back"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (None, ""),
        ("application/x-www-form-urlencoded", ""),
        ("text/plain", "List-Unsubscribe=One-Click"),
        ("application/json", '{"List-Unsubscribe": "One-Click"}'),
        ("application/octet-stream", "\0\xff"),
        ("multipart/form-data", "List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=x", "no part at all"),
    ],
)
def test_one_click_with_an_empty_body_or_any_content_type(small_shop: Shop, kind: str | None, body: str) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    answer = small_shop.ask("POST", path, body.encode("latin-1"), {"content-type": kind} if kind else {})
    assert answer.status == 200
    assert [(w["topic"], w["granted"]) for w in small_shop.rows("consents")] == [("marketing", False)]
    assert [line["source"] for line in small_shop.rows("consent_log")] == ["one-click"]


def test_a_body_that_is_too_large_unsubscribes_nobody(small_shop: Shop) -> None:
    path = small_shop.link("u", small_shop.promise(small_shop.customer()))
    assert small_shop.ask("POST", path, b"x" * 70_000, {"content-type": "text/plain"}).status == 413
    assert small_shop.count("consent_log") == 0


def test_saying_it_twice_is_logged_once(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer()))
    for _ in range(2):
        assert shop.post(path, leave="all").status == 303
    assert shop.count("consent_log") == 1


def test_the_page_leads_back_to_itself_and_then_says_so(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer()))
    answer = shop.post(path, leave="all")
    assert answer.headers["location"] == path.rpartition("/")[2]
    assert "You are unsubscribed" in shop.get(path).text


def test_undo_restores_what_was(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer()))
    shop.post(path, leave="all")
    shop.post(path, leave="back")
    (word,) = shop.rows("consents")
    assert (word["granted"], word["source"], word["wording"]) == (True, "page", "Send me emails again")
    assert [line["granted"] for line in shop.rows("consent_log")] == [False, True]


def test_leaving_one_topic_keeps_the_rest(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer(), "quality-survey"))
    assert shop.get(path).text.count("<button") == 2
    shop.post(path, leave="topic")
    assert {w["topic"]: w["granted"] for w in shop.rows("consents")} == {"marketing": True, "surveys": False}
    shop.post(path, leave="back")
    assert {w["topic"]: w["granted"] for w in shop.rows("consents")} == {"marketing": True, "surveys": True}


@pytest.mark.parametrize("fields", [{"leave": "everything"}, {"List-Unsubscribe": "Two-Click"}])
def test_another_form_changes_nothing(shop: Shop, fields: dict[str, str]) -> None:
    path = shop.link("u", shop.promise(shop.customer()))
    before = shop.everything()
    assert shop.post(path, **fields).status == 400
    assert shop.everything() == before


def test_an_email_to_a_manager_does_not_speak_for_the_client(shop: Shop) -> None:
    path = shop.link("u", shop.promise(shop.customer(), recipient="manager"))
    before = shop.everything()
    assert shop.post(path, leave="all").status == 404
    assert shop.everything() == before


@pytest.mark.parametrize(
    ("locale", "title"),
    [
        ("uk", "Більше не надсилати листів?"),
        ("ru-UA", "Больше не присылать писем?"),
        ("ro_MD", "Oprim e-mailurile?"),
        ("et", "Kas lõpetame kirjade saatmise?"),
        ("ja", "Oprim e-mailurile?"),  # the company's own language
    ],
)
def test_the_page_speaks_the_clients_language(small_shop: Shop, locale: str, title: str) -> None:
    page = small_shop.get(small_shop.link("u", small_shop.promise(small_shop.customer(locale=locale))))
    assert f"<h1>{title}</h1>" in page.text
